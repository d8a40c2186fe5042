"""Windows whose candidates are harmful one after the other: training goes on longer, and nothing stays locked out."""

import pytest

from model.judging.gate import Decision, Verdict
from model.learning.options import PlanOptions
from tests.support.learners import Bench, Crash, CrashAt


class Gate:
    """Finds the next candidates harmful, as many as it is told; then what the real judge finds."""

    def __init__(self, judge, harmful):
        self._judge = judge
        self.harmful = harmful

    def __getattr__(self, name):
        return getattr(self._judge, name)

    def judge(self, claim, candidate, retired=()):
        judged = self._judge.judge(claim, candidate, retired)
        if self.harmful and claim.parent is not None and claim.retried is None:
            self.harmful -= 1
            verdict = Verdict(**{**fields_of(judged.verdict), "decision": Decision.HARMFUL, "reason": "as told"})
            return type(judged)(verdict, judged.answers, judged.best)
        return judged


def fields_of(verdict):
    return {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def learner_with(bench, harmful, reached=lambda _step: None):
    learner = bench.learner(reached)
    learner.round.judge = Gate(learner.round.judge, harmful)
    passes = []
    learner.round.observer = Watching(learner.round.observer, passes)
    return learner, passes


class Watching:
    """Notes how many times each round trains on its fresh samples."""

    def __init__(self, observer, passes):
        self._observer, self._passes = observer, passes
        self._fresh = 0

    def __getattr__(self, name):
        return getattr(self._observer, name)

    def round_started(self, number, fresh):
        self._fresh = fresh
        self._observer.round_started(number, fresh)

    def trained(self, fresh, replayed):
        self._passes.append(round(fresh / self._fresh))
        self._observer.trained(fresh, replayed)


def learn(bench, learner, windows):
    for _ in range(windows):
        bench.feed(160)
        bench.now_ms += 60_000
        for _ in range(20):
            if not learner.run_once():
                break


def test_training_doubles_with_each_and_all_windows_are_learnt_in_the_end(bench):
    bench.plan = PlanOptions(batch=32)
    learner, passes = learner_with(bench, harmful=3)
    learn(bench, learner, 8)
    told = [one["outcome"] for one in learner.directory.ledger.rounds()]
    assert told.count("refused") == 3
    first = told.index("refused")
    assert told[first : first + 4] == ["refused", "refused", "refused", "published"], "not retried from the same state"
    assert passes[first : first + 5] == [1, 2, 4, 8, 1]
    counts = learner.directory.ledger.counts()
    assert (counts["suspect"], counts["quarantined"]) == (0, 0), "what was refused is learnt from the new state"


def test_it_ends_at_32_passes(bench):
    bench.plan = PlanOptions(batch=32)
    learner, passes = learner_with(bench, harmful=7)
    learn(bench, learner, 10)
    first = [one["outcome"] for one in learner.directory.ledger.rounds()].index("refused")
    assert passes[first : first + 9] == [1, 2, 4, 8, 16, 32, 32, 32, 1]


def test_killed_in_such_a_round_it_trains_as_long_again(bench):
    bench.plan = PlanOptions(batch=32)
    learner, _ = learner_with(bench, harmful=2)
    learn(bench, learner, 4)
    assert [one["outcome"] for one in learner.directory.ledger.rounds()][-2:] == ["refused", "refused"]
    learner, before = learner_with(bench, harmful=0, reached=CrashAt("round.stage.before"))
    with pytest.raises(Crash):
        learn(bench, learner, 1)
    learner, after = learner_with(bench, harmful=0)
    learner.run_once()
    assert before[0] == after[0] == 4
