"""`tidemill pull` from a real server."""

import json
import signal
import subprocess

import pytest

from tests.support.repository import publish
from tests.support.roles import TIDEMILL, eventually
from tests.support.serving import Serving


@pytest.fixture
def serving(tmp_path):
    one = Serving(tmp_path / "models")
    try:
        yield one
    finally:
        one.stop()


def test_once_pulls_the_champion_and_ends(run, serving, tmp_path):
    publish(serving.repository, 1, b"the first")
    target = tmp_path / "model.onnx"
    ran = run("pull", "--once", "--url", serving.url, "--to", str(target), "--json")
    assert ran.status == 0
    assert ran.json["version"] == 1
    assert ran.json["classes"] == ["cat", "dog"]
    assert target.read_bytes() == b"the first"
    assert "version 1" in run("pull", "--once", "--url", serving.url, "--to", str(target)).out


def test_once_gives_up_in_time_where_there_is_none(run, serving, tmp_path):
    ran = run("pull", "--once", "--timeout", "0.3", "--url", serving.url, "--to", str(tmp_path / "model.onnx"))
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "gave no version of default in time" in ran.err


def test_the_time_limit_ends_what_pulls_well(run, serving, tmp_path):
    publish(serving.repository, 1)
    ran = run("pull", "--timeout", "0.5", "--url", serving.url, "--to", str(tmp_path / "model.onnx"))
    assert ran.status == 0
    assert "version 1" in ran.out


def test_an_address_that_is_none_is_one_line(run, tmp_path):
    ran = run("pull", "--once", "--url", "nonsense", "--to", str(tmp_path / "model.onnx"))
    assert ran.status == 2
    assert "nonsense" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("place", ["no-such-folder/model.onnx", "a-folder", "/proc/model.onnx"])
def test_a_file_that_can_never_be_written_is_told_at_once(run, serving, tmp_path, place):
    publish(serving.repository, 1)
    (tmp_path / "a-folder").mkdir()
    ran = run("pull", "--once", "--timeout", "30", "--url", serving.url, "--to", str(tmp_path / place))
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "cannot be written" in ran.err
    assert "--to" in ran.err
    assert "--url" not in ran.err


def test_at_the_time_limit_the_last_failure_is_told(run, tmp_path):
    ran = run("pull", "--timeout", "3", "--url", "http://127.0.0.1:9", "--to", str(tmp_path / "model.onnx"))
    assert ran.status == 1
    assert "the last try: http://127.0.0.1:9" in ran.err
    assert "again in 0 s" not in ran.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_until_it_is_stopped(serving, tmp_path, number):
    target = tmp_path / "model.onnx"
    publish(serving.repository, 1, b"the first")
    command = [*TIDEMILL, "pull", "--url", serving.url, "--to", str(target), "--json"]
    pull = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert json.loads(pull.stdout.readline())["version"] == 1
    publish(serving.repository, 2, b"the second")
    assert json.loads(pull.stdout.readline())["version"] == 2
    assert target.read_bytes() == b"the second"
    pull.send_signal(number)
    eventually(lambda: pull.poll() is not None, "it stops", 5)
    assert pull.returncode == 0
    assert "Traceback" not in pull.stderr.read()
