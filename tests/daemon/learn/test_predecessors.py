"""Which versions a candidate is compared with, beside the champion: those it comes from that were asked the same."""

import pytest

from model import judge
from model.store import StoreRules, leave_request
from tests.support.learners import LABELS, Bench


@pytest.fixture
def compared(monkeypatch):
    """The models and samples of each comparison with predecessors."""
    found = []

    def spied(candidate, champion, predecessors):
        standing = stand(candidate, champion, predecessors)
        found.append((2 + len(predecessors), len(candidate)))
        return standing

    stand = judge.stand
    monkeypatch.setattr(judge, "stand", spied)
    return found


def teach(bench, learner, n, labels=LABELS[:2]):
    bench.feed(n, labels)
    bench.now_ms += 120_000
    while learner.run_once():
        pass


def test_those_that_were_asked_nearly_the_same_are(tmp_path, compared):
    bench = Bench(tmp_path, samples=400, rules=StoreRules(holdout_fraction=0.05, holdout_first=60))
    learner = bench.learner()
    for n in (400, 40, 40, 40):
        teach(bench, learner, n)
    assert [models for models, _ in compared] == [3, 4]
    held = compared[0][1]
    assert 60 <= held <= compared[1][1], "only what all of them were asked"
    assert learner.directory.ledger.predecessors(4) == [3, 2, 1]


def test_one_that_was_asked_much_less_is_not(tmp_path, compared):
    bench = Bench(tmp_path, samples=200)
    learner = bench.learner()
    for _ in range(4):
        teach(bench, learner, 200)
    assert compared == []


@pytest.mark.parametrize("rounds", [0, judge.ARRIVAL_ROUNDS])
def test_none_is_while_a_class_arrives_nor_one_that_knows_fewer(tmp_path, compared, monkeypatch, rounds):
    monkeypatch.setattr(judge, "ARRIVAL_ROUNDS", rounds)
    bench = Bench(tmp_path, samples=400, rules=StoreRules(holdout_fraction=0.05, holdout_first=60))
    learner = bench.learner()
    teach(bench, learner, 400)
    for _ in range(2):
        teach(bench, learner, 120, LABELS)
    assert len(learner.directory.ledger.champion().manifest["classes"]) == 3
    assert compared == []


def test_what_was_rolled_back_is_none(tmp_path):
    bench = Bench(tmp_path, samples=200)
    learner = bench.learner()
    for _ in range(3):
        teach(bench, learner, 200)
    leave_request(bench.folder / "state", "rollback", {"version": 1}, bench.now_ms)
    while learner.run_once():
        pass
    teach(bench, learner, 200)
    assert learner.directory.ledger.predecessors(3) == [2, 1]
    assert learner.directory.ledger.predecessors(4) == [1]


def test_answers_of_the_last_versions_are_kept(tmp_path):
    bench = Bench(tmp_path, samples=200)
    learner = bench.learner()
    for _ in range(11):
        teach(bench, learner, 200)
    kept = [version for version in range(1, 12) if learner.directory.kept_answers(version) is not None]
    assert {*range(4, 12)} <= {*kept} and len(kept) <= 9
    assert learner.directory.ledger.predecessors(11) == [*range(10, 3, -1)]
