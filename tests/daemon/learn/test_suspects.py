"""Windows that are unlike those before: poison ends in quarantine, a change of what labels mean gets through."""

import numpy as np
import pytest

from tests.support.learners import LABELS, SIZE, Bench, Crash, CrashAt

MEANS = {"dark": (40, 40, 40), "light": (210, 210, 210), "red": (220, 30, 30)}
SWAPPED = {"dark": "light", "light": "dark", "red": "red"}


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def feed(bench, meaning=None, *, shuffled=False, n=160):
    """Append a window whose labels are as they were, or mean something else, or nothing."""
    rng = np.random.default_rng(bench.end)
    names = [LABELS[index] for index in rng.integers(0, 3, n)]
    pixels = [rng.normal(MEANS[name], 12, (SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8) for name in names]
    labels = list(rng.permutation(names)) if shuffled else [(meaning or {}).get(name, name) for name in names]
    bench.feed_pictures(np.stack(pixels), [str(label) for label in labels], "camera")


def learn(bench, learner):
    bench.now_ms += 60_000
    for _ in range(20):
        if not learner.run_once():
            return
    raise AssertionError("the learner never came to rest")


def story(bench, learner, windows):
    for window in windows:
        feed(bench, **window)
        learn(bench, learner)


CLEAN, POISON, CHANGED = {}, {"shuffled": True}, {"meaning": SWAPPED}


def reasons(learner):
    return [(one["outcome"], one["reason"]) for one in learner.directory.ledger.rounds()]


def test_poison_is_not_learnt_and_ends_in_quarantine(bench):
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4 + [POISON] * 2 + [CLEAN])
    told = reasons(learner)
    assert [outcome for outcome, _ in told] == ["held", *["published"] * 3, *["refused"] * 4, "published"]
    assert "unlike the windows before" in told[4][1]
    assert "cannot be learnt" in told[5][1]
    counts = learner.directory.ledger.counts()
    assert (counts["quarantined"], counts["suspect"], counts["train"] + counts["holdout"]) == (320, 0, 800)
    entry = list(learner.directory.ledger.rounds())[4]["lineage"][0]
    assert (entry["trained"], entry["suspect"]) == (0, 160)


def test_a_change_of_meaning_must_come_twice_and_then_gets_through(bench):
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4 + [CHANGED])
    assert reasons(learner)[-1][1].endswith("a change must come in two windows")
    assert learner.directory.ledger.counts()["suspect"] == 160
    story(bench, learner, [CHANGED] * 8)
    counts = learner.directory.ledger.counts()
    assert counts["suspect"] == 0, "the first window was taken in once the second had confirmed it"
    assert 200 < counts["quarantined"] < 640, "what was stored of the two classes before"
    held = set(learner.directory.ledger.class_counts("holdout"))
    assert held == set(LABELS)
    assert list(learner.directory.ledger.rounds())[-1]["prequential_accuracy"] > 0.9
    assert learner.directory.ledger.champion().round == learner.directory.ledger.last_round()


def test_one_changed_window_that_nothing_confirms_is_quarantined_in_the_end(bench, monkeypatch):
    monkeypatch.setattr("model.store.parcels.ROUNDS_MAX", 3)
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4 + [CHANGED] + [CLEAN] * 5)
    assert learner.directory.ledger.counts()["suspect"] == 0
    assert learner.directory.ledger.counts()["quarantined"] == 160
    assert list(learner.directory.ledger.rounds())[-1]["prequential_accuracy"] > 0.9


def test_retries_and_fresh_windows_take_turns(bench):
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4)
    for _ in range(3):
        feed(bench, shuffled=True)
    feed(bench)
    learn(bench, learner)
    first = learner.directory.ledger
    kinds = [first.was_retry(number) for number in range(5, first.last_round() + 1)]
    assert kinds[:4] == [False, True, False, True]


WINDOWS = [CLEAN, CLEAN, CLEAN, POISON, CHANGED, CHANGED]
POINTS = [
    *("claim.inside", "claim.after", "round.screen.after", "round.train.after", "commit.inside", "commit.after"),
]


def outcome_of(bench, learner):
    ledger = learner.directory.ledger
    return bench.versions(), reasons(learner), ledger.counts(), ledger.class_counts("holdout")


def test_killed_within_a_retry_the_outcome_is_the_same(tmp_path):
    spy, bench = CrashAt(), Bench(tmp_path / "undisturbed")
    learner = bench.learner(spy)
    story(bench, learner, WINDOWS)
    expected = outcome_of(bench, learner)
    rounds = learner.directory.ledger.last_round()
    assert any(learner.directory.ledger.was_retry(number) for number in range(rounds))
    assert expected[2]["quarantined"] > 160, "poison, and what was held out before the change"
    bench.die()
    for point in POINTS:
        bench = Bench(tmp_path / point)
        crash = CrashAt(point, spy.reached.count(point) - 1)
        learner = bench.learner(crash)
        for window in WINDOWS:
            feed(bench, **window)
            try:
                learn(bench, learner)
            except Crash:
                learner = bench.learner()
                learn(bench, learner)
        assert crash.left <= 0, point
        assert outcome_of(bench, learner) == expected, f"killed at {point}"
        bench.die()


def test_what_the_champion_knows_of_held_out_samples_is_kept_or_asked_anew(bench):
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4)
    judge, database = learner.round.judge, learner.directory._database
    network = judge.champion_network()
    kept = judge.champion_on_holdout(network)
    assert (len(kept.labels), kept.accuracy > 0.9) == (learner.directory.ledger.counts()["holdout"], True)
    database.execute("DELETE FROM answers")
    asked = judge.champion_on_holdout(network)
    assert np.bincount(asked.predicted).tolist() == np.bincount(kept.predicted).tolist()


def test_held_out_samples_that_were_set_aside_are_not_counted_among_what_the_champion_knows(bench):
    learner = bench.learner()
    story(bench, learner, [CLEAN] * 4 + [CHANGED] * 8)
    held = learner.directory.ledger.counts()["holdout"]
    assert len(learner.round.judge.champion_on_holdout(learner.round.judge.champion_network()).labels) == held
