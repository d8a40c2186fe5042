"""What is saved of replay outlives the process and is spent when classes stay away; refused windows do not touch it."""

from dataclasses import replace

import pytest

from model import candidates
from model.store import StateDirectory
from tests.support.learners import LABELS, Bench, Crash, CrashAt


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def feed(bench, learner, labels=LABELS, n=160):
    bench.feed(n, labels)
    bench.now_ms += 60_000
    learner.run_once()


def samples(learner):
    """Return (fresh, replayed) of the newest version."""
    counts = learner.directory.ledger.champion().manifest["samples"]
    return counts["fresh"], counts["replay"]


def saved(learner):
    return learner.directory.ledger.replay_budget()[0]


def test_replay_waits_until_a_window_lacks_classes(bench):
    learner = bench.learner()
    for _ in range(6):
        feed(bench, learner)
    fresh, replayed = samples(learner)
    assert replayed < fresh / 4, "all classes are there, and known well"
    before = saved(learner)
    assert before > fresh
    feed(bench, learner, ("red",))
    fresh, replayed = samples(learner)
    assert replayed > fresh / 3
    assert saved(learner) == before + fresh - replayed


def test_without_saving_it_is_half_and_half(bench):
    bench.plan = type(bench.plan)(batch=32, steps_max=20, save_replay=False)
    learner = bench.learner()
    for _ in range(6):
        feed(bench, learner)
        if learner.directory.ledger.last_round() > 2:
            fresh, replayed = samples(learner)
            assert abs(fresh - replayed) <= 16, "but for what fills the last batch"


def test_it_outlives_the_process_and_a_crash_within_a_round(bench):
    learner = bench.learner()
    for _ in range(3):
        feed(bench, learner)
    before = learner.directory.ledger.replay_budget()
    learner = bench.learner(CrashAt("commit.inside"))
    assert learner.directory.ledger.replay_budget() == before
    with pytest.raises(Crash):
        feed(bench, learner)
    learner = bench.learner()
    assert learner.directory.ledger.replay_budget() == before
    learner.run_once()
    fresh, replayed = samples(learner)
    assert saved(learner) == before[0] + fresh - replayed, "counted once"


def test_a_window_that_is_refused_saves_nothing(bench, monkeypatch):
    learner = bench.learner()
    for _ in range(3):
        feed(bench, learner)
    before = learner.directory.ledger.replay_budget()
    monkeypatch.setattr("model.judging.gate.find_harm", lambda *_arguments: "harmful")
    feed(bench, learner)
    assert list(learner.directory.ledger.rounds())[-1]["outcome"] == "refused"
    assert learner.directory.ledger.replay_budget() == before


def test_a_store_that_evicts_replays_as_much_with_each_window(tmp_path):
    bench = Bench(tmp_path)
    bench.rules = type(bench.rules)(bytes_max=150 * 3 * bench.size**2)
    learner = bench.learner()
    for _ in range(8):
        feed(bench, learner)
    assert learner.directory.ledger.forgotten() > 0
    fresh, replayed = samples(learner)
    bench.die()
    assert abs(fresh - replayed) <= 16


@pytest.mark.parametrize("robustness", [0.0, 0.3])
def test_what_is_wrong_comes_more_often_unless_many_labels_are_wrong(bench, robustness, monkeypatch):
    drawn = []
    draw = StateDirectory.draw_replay

    def spied(directory, claim, n, rng, weights=None):
        drawn.append(weights)
        return draw(directory, claim, n, rng, weights)

    monkeypatch.setattr(StateDirectory, "draw_replay", spied)
    bench.training = replace(bench.training, robustness=robustness)
    learner = bench.learner()
    for _ in range(3):
        feed(bench, learner)
    errors = learner.directory.ledger.replay_budget()[2]
    assert len(errors) == len(LABELS) and all(0.0 <= error < 1.0 for error in errors)
    used = [weights for weights in drawn if weights is not None]
    assert bool(used) == (robustness == 0.0)
    assert all(len(weights) <= len(LABELS) for weights in used)


def test_a_round_is_told_what_is_scarce(tmp_path, monkeypatch):
    told = []
    original = candidates.train

    def spied(*args, scarce=None, **kwargs):
        told.append(scarce)
        return original(*args, scarce=scarce, **kwargs)

    monkeypatch.setattr(candidates, "train", spied)
    bench = Bench(tmp_path)
    bench.rules = replace(bench.rules, bytes_max=150 * 3 * bench.size**2)
    learner = bench.learner()
    for _ in range(8):
        feed(bench, learner)
    ledger, classes = learner.directory.ledger, learner.directory.ledger.classes()
    kept, forgotten = ledger.class_counts(), ledger.forgotten_by_class(len(classes))
    feed(bench, learner, LABELS[:1])
    bench.die()
    assert not told[0].any(), "the first round has lost nothing"
    assert told[-1] == pytest.approx(
        [
            0.0 if name == LABELS[0] else share * kept[name] ** -0.25
            for name, share in zip(classes, forgotten, strict=True)
        ]
    )
    assert (forgotten > 0.3).all()
