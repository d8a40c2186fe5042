"""Every line that a role writes is an object, over a run with faults; lines about a round join; stops are answered.

Real processes, real Redis and Kafka. The names of all facts that turn up are compared with the table in
docs/operations.md.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.test_traces import send, settings
from tests.support.roles import Tidemill, eventually

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
FAILING = """
import sys
from pathlib import Path
from daemon.cli.role_logs import start_logs
from daemon.config import load
from daemon.signals import stop_on_signals
config = load(file=Path(sys.argv[2]), environ={}).config
point = sys.argv[3]
class Foreseen(Exception):
    pass
def reached(name):
    if name == point:
        raise Foreseen("injected at " + name)
start_logs(config, sys.argv[1])
with stop_on_signals() as stop:
    if sys.argv[1] == "ingest":
        from daemon.composition.ingest import run_ingest
        run_ingest(config, stop, reached=reached)
    else:
        from daemon.composition.learn import run_learn
        run_learn(config, stop, reached=reached)
"""


def documented_names():
    """Return the names in the table of docs/operations.md, "Logs"."""
    section = DOCS.read_text(encoding="utf-8").split("\n### Names of facts\n")[1].split("\n#")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def lines_in(folder):
    """Return the whole lines of all logs; each must be one object."""
    texts = (log.read_text().rpartition("\n")[0] for log in sorted(folder.glob("*.log")))
    return [json.loads(line) for text in texts for line in text.splitlines()]


@pytest.fixture
def tidemill(tmp_path, kafka_server, redis_url, topic, make_topic):
    make_topic(1, name=f"{topic}.dlq")
    announced = make_topic(1, {"cleanup.policy": "compact"}, name=f"{topic}.models")
    one = Tidemill(tmp_path, settings(kafka_server, redis_url, topic, announced, ""))
    yield one
    one.stop()


def serving(tidemill):
    try:
        return httpx.get(f"{tidemill.url}/v1/models/default/champion", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def first_ended(line):
    return line.get("version") == 1 and line["event"] == "round ended"


def said(tidemill, role, word):
    return any(word in log.read_text() for log in tidemill.folder.glob(f"{role}-*.log"))


@pytest.mark.slow
def test_every_line_of_a_run_with_faults_is_an_object_and_joins(tidemill, kafka_server, redis_server, topic):
    tidemill.start("run")
    send(kafka_server.bootstrap, topic, 120)
    eventually(lambda: serving(tidemill), "a version is served", 200)
    eventually(lambda: any(first_ended(line) for line in lines_in(tidemill.folder)), "its round has ended", 60)
    redis_server.kill()
    eventually(lambda: said(tidemill, "run", '"event": "waiting for Redis'), "Redis is missed", 60)
    redis_server.start()
    eventually(lambda: said(tidemill, "run", "is back"), "and found again", 60)
    [pid] = [line["pid"] for line in lines_in(tidemill.folder) if line.get("started") == "serve"]
    os.kill(pid, signal.SIGABRT)  # faulthandler's raw stack goes through the supervisor
    eventually(lambda: said(tidemill, "run", '"died": "serve"'), "a death is told", 60)
    eventually(lambda: serving(tidemill), "serve is back", 100)
    assert tidemill.stop() == [0], tidemill.logs()

    lines = lines_in(tidemill.folder)
    assert {line["role"] for line in lines} == {"run", "ingest", "learn", "serve"}
    assert all({"event", "level", "role", "timestamp"} <= line.keys() for line in lines)
    raw = [line for line in lines if line.get("raw")]
    assert {line["supervised"] for line in raw} == {"serve"}
    assert any("Fatal Python error" in line["event"] for line in raw)
    assert next(line for line in lines if line.get("died"))["last_words"] == "Fatal Python error: Aborted"
    published = next(line for line in lines if line["event"] == "version published")
    ended = next(filter(first_ended, lines))
    assert published["round"] == ended["round"] and f"{topic}/0:" in ended["window"]
    explained = tidemill.json("explain", str(ended["version"]))
    assert (explained["manifest"]["version"], explained["manifest"]["round"]) == (1, ended["round"])
    unknown = {name for line in lines for name in line} - documented_names()
    assert not unknown, "facts that docs/operations.md does not name"
    assert {line["role"] for line in lines if line["event"].startswith("stopping: ")} == {
        "run",
        "ingest",
        "learn",
        "serve",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("role", "point"), [("ingest", "ingest.polled"), ("learn", "claim.before")])
def test_the_last_line_before_death_is_critical_with_its_traceback(tidemill, kafka_server, topic, role, point):
    if role == "learn":
        tidemill.start("ingest")
    send(kafka_server.bootstrap, topic, 30)
    command = [sys.executable, "-c", FAILING, role, str(tidemill.file), point]
    done = subprocess.run(command, cwd=tidemill.folder, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 1 and done.stdout == "", done.stderr
    last = [json.loads(line) for line in done.stderr.splitlines()][-1]
    assert last["level"] == "critical" and last["role"] == role
    assert f"injected at {point}" in last["event"] and "in reached" in last["exception"]
    if role == "learn":
        assert last["stage"] == "claim"


def first_line(process, word, timeout_s=60):
    """Return the next line with this word, and the seconds until it came."""
    began = time.monotonic()
    for line in process.stderr:
        if word in line:
            return json.loads(line), time.monotonic() - began
        assert time.monotonic() - began < timeout_s, "not in time"
    raise AssertionError("it has ended without")


@pytest.mark.slow
@pytest.mark.parametrize(("role", "at_work"), [("ingest", "reading"), ("serve", "serving"), ("run", "role started")])
def test_a_stop_is_answered_at_once_and_the_second_interrupt_does_what_was_said(
    tidemill, kafka_server, topic, role, at_work
):
    send(kafka_server.bootstrap, topic, 30)
    command = [str(Path(sys.executable).with_name("tidemill")), role, "--config", str(tidemill.file)]
    process = subprocess.Popen(command, cwd=tidemill.folder, stderr=subprocess.PIPE, text=True)
    try:
        first_line(process, at_work)
        os.kill(process.pid, signal.SIGSTOP)  # so that both are there at once, and it is still at its first
        process.send_signal(signal.SIGINT)
        os.kill(process.pid, signal.SIGCONT)
        told, seconds = first_line(process, "stopping: ", 10)
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
        rest = [json.loads(line) for line in process.stderr]
    finally:
        process.kill()
    assert "Ctrl-C again ends it now" in told["event"] and told["signal"] == "SIGINT"
    assert told["seconds_max"] > 0
    assert seconds < 5, "far more than it takes, for a machine under load"
    if status == 130:
        assert rest[-1]["event"].startswith("ended now, as asked") and rest[-1]["level"] == "critical"
    else:
        assert status == 0, "it had stopped before the second came"
