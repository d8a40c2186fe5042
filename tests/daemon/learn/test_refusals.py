"""Windows whose candidates are harmful one after the other: training goes on longer, and nothing stays locked out."""

import pytest

from model.judging.gate import Decision, Verdict
from model.learning.options import PlanOptions
from model.store.parcels import learnt_since
from tests.support.learners import Bench, Crash, CrashAt


class Gate:
    """Finds the next candidates harmful, as many as it is told, and retries in idle time as long; then what is true."""

    def __init__(self, learner, harmful, retries):
        self._judge, self._database = learner.round.judge, learner.directory._database
        self.harmful, self.retries = harmful, retries

    def __getattr__(self, name):
        return getattr(self._judge, name)

    def judge(self, claim, candidate, retired=()):
        judged = self._judge.judge(claim, candidate, retired)
        fresh = self.harmful > 0 and claim.retried is None
        again = self.retries > 0 and claim.retried is not None and not learnt_since(self._database, claim)
        if claim.parent is not None and (fresh or again):
            self.harmful, self.retries = self.harmful - fresh, self.retries - again
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


def learner_with(bench, harmful, reached=lambda _step: None, retries=0):
    learner = bench.learner(reached)
    learner.round.judge = Gate(learner, harmful, retries)
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


def outcomes(learner):
    return [one["outcome"] for one in learner.directory.ledger.rounds()]


def aside(learner):
    counts = learner.directory.ledger.counts()
    return counts["suspect"], counts["quarantined"]


def test_in_idle_time_it_is_tried_again_at_once_and_twice_as_long(bench):
    bench.plan = PlanOptions(batch=32, save_replay=False)
    learner, passes = learner_with(bench, harmful=1)
    learn(bench, learner, 4)
    first = outcomes(learner).index("refused")
    assert outcomes(learner)[first : first + 2] == ["refused", "published"]
    assert passes[first : first + 2] == [1, 2]
    assert aside(learner) == (0, 0), "no window has to come after it"


def test_training_doubles_with_each_and_all_windows_are_learnt_in_the_end(bench):
    bench.plan = PlanOptions(batch=32, save_replay=False)
    learner, passes = learner_with(bench, harmful=3, retries=2)
    learn(bench, learner, 8)
    first = outcomes(learner).index("refused")
    assert outcomes(learner).count("refused") == 5
    assert outcomes(learner)[first : first + 6] == [*["refused"] * 5, "published"], "each window and its first retry"
    assert passes[first : first + 6] == [1, 2, 2, 4, 4, 8]
    assert aside(learner) == (0, 0), "what was refused is learnt from the new state"


def test_it_ends_at_32_passes(bench):
    bench.plan = PlanOptions(batch=32, save_replay=False)
    learner, passes = learner_with(bench, harmful=7, retries=7)
    learn(bench, learner, 10)
    first = outcomes(learner).index("refused")
    assert passes[first : first + 15] == [1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 32, 32, 32, 32]


def test_what_does_harm_from_the_new_state_too_is_quarantined(bench):
    learner, _ = learner_with(bench, harmful=1, retries=1)
    learn(bench, learner, 3)
    judge = learner.round.judge
    assert aside(learner)[0] > 0 and aside(learner)[1] == 0, "refused twice, both from the same state"
    suspect = aside(learner)[0]
    judge.judge = harmful_retries(judge)
    learn(bench, learner, 2)
    assert aside(learner) == (0, suspect)


def test_where_windows_never_stop_it_is_retried_after_two_of_them(bench):
    learner, _ = learner_with(bench, harmful=0)
    learn(bench, learner, 3)
    judge = learner.round.judge
    judge.judge = harmful_retries(judge)
    bench.feed(800)
    bench.now_ms += 60_000
    judge.harmful = 1
    retried = []
    for _ in range(8):
        if not learner.run_once():
            break
        ledger = learner.directory.ledger
        if ledger.was_retry(ledger.last_round()):
            retried.append(aside(learner)[1] > 0)
    assert retried == [False, True], "not quarantined at the first"


def harmful_retries(gate):
    """Return a judge that finds what is retried after another window harmful."""
    real = gate.judge

    def judge(claim, candidate, retired=()):
        judged = real(claim, candidate, retired)
        if claim.retried is None:
            return judged
        verdict = Verdict(**{**fields_of(judged.verdict), "decision": Decision.HARMFUL, "reason": "as told"})
        return type(judged)(verdict, judged.answers, judged.best)

    return judge


def test_killed_in_such_a_round_it_trains_as_long_again(bench):
    bench.plan = PlanOptions(batch=32, save_replay=False)
    learner, _ = learner_with(bench, harmful=2, retries=2)
    learn(bench, learner, 4)
    assert outcomes(learner)[-4:] == ["refused"] * 4
    learner, before = learner_with(bench, harmful=0, reached=CrashAt("round.stage.before"))
    with pytest.raises(Crash):
        learn(bench, learner, 1)
    learner, after = learner_with(bench, harmful=0)
    learner.run_once()
    assert before[0] == after[0] == 4
