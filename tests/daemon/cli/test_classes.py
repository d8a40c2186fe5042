"""`tidemill classes`: what is listed, and what is asked of the learner."""

import pytest

from model.store import StoreRules
from model.store.class_changes import class_handlers
from model.store.requests import pending_requests
from tests.daemon.cli.test_rollback import answering
from tests.support.windows import open_state, take

RULES = StoreRules(class_min_samples=10)


def some(label, number, first):
    return [(seed, label) for seed in range(first, first + number)]


@pytest.fixture
def folder(tmp_path):
    with open_state(tmp_path / "state", RULES) as state:
        take(state, [*some("frog", 20, 0), *some("bird", 20, 50), *some("forg", 14, 100), *some("owl", 3, 200)])
    return tmp_path


def answer_over_state(folder):
    def turn():
        with open_state(folder / "state", RULES) as state:
            return bool(state.answer_requests(class_handlers(state.rules)))

    return turn


def test_the_list_says_which_labels_wait_and_why(run, folder):
    told = run("classes", "list", "--json").json
    assert [(one["name"], one["index"], one["round"]) for one in told["classes"]] == [("frog", 0, 1), ("bird", 1, 1)]
    assert told["classes"][0]["train"] + told["classes"][0]["holdout"] == 20
    assert [(one["label"], one["count"], one["near"]) for one in told["waiting"]] == [
        ("forg", 14, "frog"),
        ("owl", 3, None),
    ]
    assert [(one["event"], one["name"], one["sources"]) for one in told["events"]] == [
        ("class joined", "frog", {"camera-1": 20}),
        ("class joined", "bird", {"camera-1": 20}),
    ]
    text = run("classes", "list").out
    assert "near to 'frog'" in text
    assert "too rare: 3 of 10 pictures" in text
    assert "tidemill classes merge forg frog" in text
    assert "tidemill classes admit forg" in text


def test_status_says_so_too(run, folder):
    told = run("status", "--json").json
    assert [(one["label"], one.get("near")) for one in told["waiting"]["labels"]] == [("forg", "frog"), ("owl", None)]
    assert told["classes"]["class"] == 2
    text = run("status").out
    assert "'forg' 14 in 1 window (near to 'frog': for you to decide)" in text
    assert "tidemill classes merge forg frog" in text
    assert "class joined after round 1: 'frog'" in text


def test_a_merge_is_asked_of_the_learner_and_shown(run, folder):
    with answering(answer_over_state(folder)):
        ran = run("classes", "merge", "forg", "frog", "--wait", "20")
    assert ran.status == 0
    assert "'forg' is 'frog' from now on: 14 samples" in ran.out
    told = run("classes", "list", "--json").json
    assert told["merged"] == {"forg": "frog"}
    assert told["classes"][0]["aliases"] == ["forg"]
    assert told["events"][-1] | {"at": ""} == {
        "event": "class merged", "name": "forg", "into": "frog", "round": 1, "pictures": 14, "windows": 1,
        "sources": {"camera-1": 14}, "at": "", "undone": False,
    }  # fmt: skip


def test_admit_and_retire_are_asked_of_the_learner(run, folder):
    with answering(answer_over_state(folder)):
        assert run("classes", "admit", "owl", "--wait", "20", "--json").json["name"] == "owl"
    with answering(answer_over_state(folder)):
        ran = run("classes", "retire", "frog", "--wait", "20")
    assert ran.status == 1
    assert "fewer than 2 classes" in ran.err
    assert "Nothing was changed" in ran.err


def test_without_an_answer_the_request_stays_and_the_status_is_1(run, folder):
    ran = run("classes", "retire", "forg", "--wait", "0")
    assert ran.status == 1
    assert "not answered" in ran.err
    (request,) = pending_requests(folder / "state")
    assert (request.kind, request.arguments) == ("classes.retire", {"name": "forg"})


@pytest.mark.parametrize("command", ["list", "merge", "retire", "admit"])
def test_each_command_has_help_with_an_example(run, command):
    ran = run("classes", command, "--help")
    assert ran.status == 0
    assert f"tidemill classes {command}" in ran.out


def test_wrong_use_is_status_2(run, folder):
    assert run("classes", "merge", "forg").status == 2
    assert run("classes", "rename", "a", "b").status == 2
