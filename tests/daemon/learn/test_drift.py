"""Drift alarms: what is noted with a round, what a restart knows, and that the next round comes early."""

import numpy as np
import pytest

from daemon.learn.drift import DriftWatch
from daemon.learn.status import StatusBoard
from model.store import StateDirectory
from tests.support.windows import LOG, held, labelled, open_state, published, window

DELTA = 0.002


class Told(StatusBoard):
    """Keeps the alarms."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.alarms: list[list[str]] = []

    def drift_detected(self, classes):
        self.alarms.append(classes)


@pytest.fixture
def state(tmp_path):
    with open_state(tmp_path) as one:
        claim = one.claim(window(labelled(range(40))), seed=1, state=None)
        one.commit(claim, published(one, claim))
        one.mark_published(claim.version)
        yield one


def take(state: StateDirectory, wrong: float, n: int = 300) -> None:
    """Commit a window on which the champion errs so often."""
    start = state.ledger.positions()[LOG]
    claim = state.claim(window(labelled(range(start, start + n)), start), seed=1, state=state.ledger.current_state())
    labels = state.window(claim).labels
    flipped = np.random.default_rng(start).random(len(labels)) < wrong
    state.commit(claim, held(said=np.where(flipped, 1 - labels, labels)))


def test_errors_are_noted_in_claim_order_with_the_commit(state):
    take(state, 0.5)
    [noted] = state.ledger.misses_after(0)
    assert (noted.round, noted.known, len(noted.labels)) == (2, 2, 300)
    wrong = np.random.default_rng(40).random(300) < 0.5
    assert (noted.wrong == wrong).all()
    assert (noted.labels == np.arange(300) % 2).all()
    assert list(state.ledger.misses_after(2)) == []


def test_an_alarm_hurries_one_round_and_a_restart_knows_the_same(state):
    watch, told = DriftWatch(state, Told(), DELTA), Told()
    for wrong, alarm in ((0.05, False), (0.05, False), (0.05, False), (0.9, True), (0.9, False)):
        take(state, wrong)
        assert DriftWatch(state, told, DELTA).look() is alarm, "built anew from what is stored"
        assert watch.look() is alarm
        assert watch.look() is alarm, "looking again changes nothing"
    assert len(told.alarms) == 1, "an alarm is told once, also over restarts"
    assert state.ledger.drift()["round"] == 5
    assert set(state.ledger.drift()["classes"]) <= {"cat", "dog"}


def test_zero_turns_it_off(state):
    watch = DriftWatch(state, Told(), 0.0)
    for wrong in (0.05, 0.05, 0.05, 0.9):
        take(state, wrong)
        assert watch.look() is False


def test_errors_are_kept_for_an_era(state, monkeypatch):
    monkeypatch.setattr("model.store.misses.ERA_ROUNDS", 3)
    for _ in range(6):
        take(state, 0.1, n=10)
    assert [one.round for one in state.ledger.misses_after(0)] == [6, 7]
