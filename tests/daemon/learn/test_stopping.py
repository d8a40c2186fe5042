"""A stop within a round: soon, without loss, and no death of the process."""

import threading

import pytest

from daemon.learn.observer import Stage
from daemon.learn.stages import LONG, Stages
from daemon.learn.status import StatusBoard
from model.learning.errors import StoppedError
from model.store.errors import StateUnavailableError
from tests.support.learners import Bench


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    one.feed(200)
    one.now_ms += 60_000
    yield one
    one.die()


class StoppedPublisher:
    """Asks the learner to stop while it exports, and obeys."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def stage(self, *_args, **_facts):
        self.stop.set()
        raise StoppedError("stopped within the export")


def stop_within_a_round(bench):
    stop = threading.Event()
    learner = bench.learner()
    learner.round.publisher = StoppedPublisher(stop)
    learner.run(stop)
    return learner


def test_a_round_that_was_stopped_is_done_again_and_no_death_is_counted(bench):
    for _ in range(12):
        learner = stop_within_a_round(bench)
        assert learner.directory.open_claim().deaths == 0
        assert not learner.outage.ongoing
    learner = bench.learner()
    learner.run_once()
    assert [entry["outcome"] for entry in learner.directory.ledger.rounds()] == ["published"]
    assert bench.versions()


def test_a_kill_after_a_stop_is_a_death(bench):
    stop_within_a_round(bench)
    for deaths in (0, 1, 2):
        learner = bench.learner()
        learner._start()
        assert learner.directory.open_claim().deaths == deaths


def test_a_stop_that_cannot_be_noted_is_still_a_stop(bench, monkeypatch):
    stop = threading.Event()
    learner = bench.learner()
    learner.round.publisher = StoppedPublisher(stop)
    monkeypatch.setattr(learner.directory, "note_stop", refuse)
    learner.run(stop)
    learner = bench.learner()
    learner._start()
    assert learner.directory.open_claim().deaths == 1


def refuse(_round: int) -> None:
    raise StateUnavailableError("disk full")


@pytest.mark.parametrize("stage", list(Stage))
def test_no_long_stage_begins_once_a_stop_is_asked_for(stage):
    entered = []
    stages = Stages(StatusBoard(lambda: 0), lambda: 0.0, stop=lambda: True)
    if stage in LONG:
        with pytest.raises(StoppedError, match=stage.value), stages(stage):
            entered.append(stage)
        assert entered == []
        return
    with stages(stage):
        entered.append(stage)
    assert entered == [stage]
