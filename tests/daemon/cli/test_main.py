"""The whole command: help, exit statuses, errors in one line, and what is loaded."""

import socket
import subprocess
import sys

import pytest

from daemon.version import VERSION

COMMANDS = [
    "run",
    "demo",
    "ingest",
    "learn",
    "serve",
    "push",
    "pull",
    "status",
    "rounds",
    "versions",
    "explain",
    "verify",
    "config",
    "release",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_helps_with_examples(run, command):
    ran = run(command, "--help")
    assert ran.status == 0
    assert "Examples" in ran.out
    assert f"tidemill {command}" in ran.out
    assert ("--config" in ran.out) == (command != "demo")


def test_the_help_lists_every_command(run):
    ran = run("--help")
    assert ran.status == 0
    for command in COMMANDS:
        assert f" {command} " in ran.out


def test_the_version(run):
    assert run("--version").out == f"tidemill {VERSION}\n"


@pytest.mark.parametrize(
    "args", [[], ["nonsense"], ["serve", "--nonsense"], ["explain"], ["explain", "x"], ["explain", "0"]]
)
def test_wrong_use_is_status_2(run, args):
    assert run(*args).status == 2


@pytest.mark.parametrize(
    "command", [["serve"], ["ingest"], ["learn"], ["run"], ["status"], ["config"], ["explain", "1"]]
)
def test_a_wrong_configuration_is_status_2_with_everything_that_is_wrong(run, command):
    ran = run(*command, "--set", "kafka.topcis=x", "--set", "image.size=1")
    assert ran.status == 2
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert len(lines) == 3
    assert "kafka.topcis = x (flag): there is no such key; did you mean kafka.topics?" in ran.err
    assert "image.size = 1 (flag): must be a whole number at least 8" in ran.err


def test_one_thing_wrong_is_one_line(run):
    ran = run("config", "--set", "image.size=1")
    assert ran.err == "tidemill: image.size = 1 (flag): must be a whole number at least 8 and at most 1024\n"


def test_options_count_before_and_after_the_command(run, tmp_path):
    file = tmp_path / "t.toml"
    file.write_text('job = "birds"\n')
    assert run("--config", str(file), "--set", "round.samples=99", "config", "--json").json["job"]["value"] == "birds"
    after = run("config", "--config", str(file), "--set", "round.samples=99", "--json").json
    assert after["job"] == {"value": "birds", "origin": f"file {file}"}
    assert after["round.samples"] == {"value": 99, "origin": "flag"}


def test_a_port_in_use_is_one_line_and_status_1(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run("serve", "--port", str(taken.getsockname()[1]))
    assert ran.status == 1
    starting, said = ran.err.splitlines()
    assert '"starting"' in starting
    assert "is in use" in said
    assert "http.port" in ran.err


def test_two_roles_of_run_may_not_share_a_port(run):
    ran = run("run", "--set", "learn.port=9000", "--set", "ingest.port=9000")
    assert ran.status == 2
    assert "learn.port = 9000" in ran.err


PROGRAM = """
import sys
from daemon.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = {name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "onnx", "onnxruntime", "scipy"}
sys.exit(f"loaded {heavy}" if heavy else 0)
"""


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "rounds",
        "versions",
        "explain 1",
        "verify",
        "config",
        "pull --once --timeout 0.1 --url http://127.0.0.1:9",
        "release --brake",
        "push none",
        "learn --help",
        "serve --host 203.0.113.1",
        "ingest --set http.host=203.0.113.1",
    ],
)
def test_torch_is_loaded_by_nothing_but_learn(history, command):
    sets = ["--set", f"paths.state={history}/state", "--set", f"paths.repository={history}/models"]
    sets += ["--set", "redis.url=redis://127.0.0.1:9", "--set", "kafka.bootstrap_servers=127.0.0.1:9"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *sets, *command.split()],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
