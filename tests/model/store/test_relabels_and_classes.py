"""Relabels of pictures and merges of classes, undone together by a rollback, in whichever order they came."""

import pytest

from model.store import verify
from model.store.class_changes import class_handlers
from model.store.handlers import HANDLERS
from model.store.requests import Request
from model.store.rollback import KIND, rollback_handler
from tests.model.store.test_relabels import CATS, DOGS, RULES, labels, send, take_version
from tests.support.windows import open_state

BATS = [(seed, "bat") for seed in range(300, 330)]
SEED = 3


@pytest.fixture
def state(tmp_path):
    with open_state(tmp_path, RULES) as one:
        take_version(one, [*CATS, *DOGS, *BATS])
        yield one
    assert [found for found in verify(tmp_path) if not found.harmless] == []


def ask(state, kind, **arguments):
    number = state._database.execute("SELECT count(*) FROM events").fetchone()[0]
    handlers = {**HANDLERS, **class_handlers(state.rules), KIND: rollback_handler(lambda _manifest: "")}
    event = state.answer(Request(f"request-{number}", kind, arguments, 0), handlers)
    assert event is not None and event.done, event
    if state.ledger.unsettled() is not None:
        state.mark_settled()


def relabel(state):
    send(state, [(SEED, "dog")], "annotator")


def merge_of_the_old(state):
    ask(state, "classes.merge", **{"from": "cat", "into": "bat"})


def merge_of_the_new(state):
    ask(state, "classes.merge", **{"from": "dog", "into": "bat"})


@pytest.mark.parametrize(
    "steps", [(relabel, merge_of_the_old), (relabel, merge_of_the_new), (merge_of_the_old, relabel)]
)
def test_a_rollback_to_before_both_gives_the_picture_the_label_that_it_was_sent_with(state, steps):
    before = labels(state)
    for step in steps:
        step(state)
    assert labels(state, [SEED]) != {"cat": 1}
    ask(state, KIND, version=1)
    assert labels(state, [SEED]) == {"cat": 1}
    assert labels(state) == before


def test_a_known_picture_sent_under_a_merged_label_has_that_label_already(state):
    merge_of_the_old(state)
    send(state, [(300, "cat"), (SEED, "cat"), (SEED + 1, "bat")])
    assert state.ledger.relabels.counts() == []
    (entry,) = list(state.ledger.rounds())[-1]["lineage"]
    assert entry["duplicate"] == 3
