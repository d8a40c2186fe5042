import errno
import os

import pytest

import model.durable
from daemon.cli.main import main
from daemon.cli.requests import ask
from daemon.config import load
from daemon.errors import OperatorError
from model.store import RefusedRequestError
from tests.support.windows import labelled, open_state, take


@pytest.fixture
def config(tmp_path):
    with open_state(tmp_path / "state") as state:
        take(state, labelled(range(10)))
    return load(sets=(f"paths.state={tmp_path / 'state'}",)).config


def greet(_database, request, _now_ms):
    if request.arguments["name"] == "nobody":
        raise RefusedRequestError("there is nobody")
    return f"greeted {request.arguments['name']}"


def learner_beside(config):
    """Return a `sleep` in which a learner answers what waits."""

    def sleep(_seconds):
        with open_state(config.paths.state) as state:
            state.answer_requests({"greet": greet})

    return sleep


def test_the_answer_is_waited_for(config):
    event = ask(config, "greet", {"name": "Ada"}, 5.0, sleep=learner_beside(config))
    assert event.done
    assert event.answer == "greeted Ada"


def test_a_refusal_is_an_error_that_says_why(config):
    with pytest.raises(OperatorError, match="there is nobody"):
        ask(config, "greet", {"name": "nobody"}, 5.0, sleep=learner_beside(config))


def test_without_a_learner_the_request_stays_and_that_is_said(config):
    ticks = iter(range(100))
    with pytest.raises(OperatorError, match="not answered within 5 s"):
        ask(config, "greet", {"name": "Ada"}, 5.0, clock=lambda: next(ticks), sleep=lambda _seconds: None)
    with open_state(config.paths.state) as state:
        assert [event.answer for event in state.answer_requests({"greet": greet})] == ["greeted Ada"]


def test_a_request_that_finds_the_disk_full_is_refused_in_one_line(config, monkeypatch, capsys):
    def full(_number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(model.durable.os, "fsync", full)
    with pytest.raises(SystemExit) as ended:
        main(["classes", "admit", "one", "--state", str(config.paths.state)])
    assert ended.value.code == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "asking the learner" not in one]
    assert "No space left" in line and "requests" in line and line.endswith("Make room there")
