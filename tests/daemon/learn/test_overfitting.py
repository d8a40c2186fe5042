"""A round tells how much better its candidate knows what it was trained on than what it has not seen."""

import numpy as np
import pytest

from model.learning.options import PlanOptions
from model.store import StoreRules
from tests.support.learners import SIZE, Bench

CLASSES = ("left", "right")


@pytest.fixture
def bench(tmp_path):
    rules = StoreRules(closed_classes=CLASSES)
    bench = Bench(tmp_path, samples=150, rules=rules, plan=PlanOptions(passes=60, batch=32))
    yield bench
    bench.die()


def feed(bench, *, telling):
    """Append a window of noise; where `telling`, the label shows in its brightness."""
    rng = np.random.default_rng(bench.end)
    labels = rng.integers(0, 2, 150)
    pixels = rng.integers(0, 100, (150, SIZE, SIZE, 3)) + (telling * 100 * labels)[:, None, None, None]
    bench.feed_pictures(pixels.astype(np.uint8), [CLASSES[label] for label in labels])


@pytest.mark.parametrize(("telling", "at_least", "at_most"), [(True, -0.05, 0.05), (False, 0.25, 1.0)])
def test_what_is_learnt_by_heart_shows(bench, telling, at_least, at_most):
    learner = bench.learner()
    for _ in range(2):
        feed(bench, telling=telling)
        assert learner.run_once()
    ledger = learner.directory.ledger
    rounds = list(ledger.rounds())
    assert len(rounds) == 2
    for number, one in enumerate(rounds, 1):
        evaluation = ledger.evaluation(number)
        assert evaluation["train_accuracy"] == one["train_accuracy"] > 0.9
        assert at_least <= evaluation["train_holdout_gap"] == one["train_holdout_gap"] <= at_most
    for version in ledger.versions():
        said = version.manifest["evaluation"]
        assert said["train_holdout_gap"] == ledger.evaluation(version.round)["train_holdout_gap"]
    assert bool(ledger.champion()) is telling
