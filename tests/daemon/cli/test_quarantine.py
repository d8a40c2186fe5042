"""`quarantine list | show | release | drop` on a state with one suspect round; a learner answers beside it."""

import pytest

from daemon.cli.requests import ask
from model.store.requests import pending_requests
from tests.support.windows import labelled, open_state, window


@pytest.fixture
def answered(history, monkeypatch):
    """A learner carries out what is asked whenever a command waits."""

    def sleep(_seconds):
        with open_state(history / "state") as state:
            state.answer_requests()

    monkeypatch.setitem(ask.__kwdefaults__, "sleep", sleep)


def test_list_and_show(run, history):
    (one,) = run("quarantine", "list", "--json").json
    assert (one["round"], one["role"], one["samples"], one["reason"]) == (2, "suspect", 10, "harmful")
    assert one["sources"][0]["name"] == "camera-1"
    assert "camera-1 (10)" in run("quarantine", "list").out
    told = run("quarantine", "show", "2", "--json").json
    assert len(told["listed"]) == 10
    assert {"id", "label", "predicted", "source", "topic", "partition", "offset"} == set(told["listed"][0])
    assert "Round 2: 10 samples" in run("quarantine", "show", "2").out
    ran = run("quarantine", "show", "1")
    assert ran.status == 1
    assert "nothing of round 1" in ran.err


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(("verb", "said", "left"), [("release", "released", 80), ("drop", "dropped", 70)])
def test_release_and_drop(run, history, verb, said, left):
    assert f"{said} 10 samples of round 2" in run("quarantine", verb, "2").out
    assert run("quarantine", "list", "--json").json == []
    assert sum(run("status", "--json").json["store"].values()) == left
    ran = run("quarantine", verb, "2")
    assert ran.status == 1
    assert "nothing of round 2 is set aside" in ran.err


def test_skip_names_the_round_at_which_learning_stands_still(run, history):
    ran = run("quarantine", "skip")
    assert ran.status == 1
    assert "does not stand still" in ran.err
    with open_state(history / "state") as state:
        (start,) = state.ledger.positions().values()
        claim = state.claim(window(labelled(range(200, 240)), start), seed=1, state=None)
        state.raised.note(claim, "builtins.KeyError at here", "KeyError: 3")
        state.raised.acquit([claim.round])
    ran = run("quarantine", "skip", "--wait", "0")
    assert "not answered within 0 s" in ran.err
    (request,) = pending_requests(history / "state")
    assert (request.kind, request.arguments) == ("quarantine.skip", {"round": claim.round})
