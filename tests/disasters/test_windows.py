"""A window that training cannot learn is quarantined, a good one is not; and learning goes on behind both."""

from dataclasses import replace

import pytest

from model.candidates import CandidateMaker
from model.store import verify
from tests.support.accounting import check_tiles
from tests.support.learners import LOG, Bench, Crash, CrashAt


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


class Diverging(CandidateMaker):
    """Trains at a rate at which the loss is soon no number any more."""

    def __init__(self, directory, options, device, clock):
        super().__init__(directory, replace(options, training=replace(options.training, lr=1e30)), device, clock)


def due(bench):
    bench.feed(200)
    bench.now_ms += 60_000


def rest(learner):
    for _ in range(20):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def outcomes(learner):
    return [entry["outcome"] for entry in learner.directory.ledger.rounds()]


def check(bench, learner, records):
    totals = check_tiles(entry["lineage"] for entry in learner.directory.ledger.rounds())
    assert totals == {(LOG.topic, LOG.topic_id, 0): (0, records, records)}
    assert verify(bench.folder / "state") == []


def test_a_window_on_which_training_diverges_is_quarantined_at_the_third_time(bench):
    due(bench)
    learner = bench.learner(maker=Diverging)
    rest(learner)
    (entry,) = learner.directory.ledger.rounds()
    assert entry["outcome"] == "refused"
    assert "failed 3 times" in entry["reason"]
    assert "DivergedError" in entry["reason"]
    assert learner.directory.ledger.counts()["quarantined"] == 180
    due(bench)
    learner = bench.learner()
    rest(learner)
    assert outcomes(learner) == ["refused", "published"]
    check(bench, learner, 400)


def test_a_window_that_kills_the_learner_every_time_is_quarantined_at_the_tenth(bench):
    due(bench)
    for _ in range(10):
        with pytest.raises(Crash):
            rest(bench.learner(CrashAt("round.train.after")))
    learner = bench.learner()
    rest(learner)
    assert outcomes(learner) == ["refused"]
    due(bench)
    rest(learner)
    assert outcomes(learner) == ["refused", "published"]
    check(bench, learner, 400)


def test_three_unlucky_kills_on_a_good_window_do_not_count_against_it(bench):
    due(bench)
    for point in ("round.claim.after", "round.train.after", "round.stage.after"):
        with pytest.raises(Crash):
            rest(bench.learner(CrashAt(point)))
    learner = bench.learner()
    rest(learner)
    assert outcomes(learner) == ["published"]
    assert learner.directory.ledger.counts()["quarantined"] == 0
    check(bench, learner, 200)
