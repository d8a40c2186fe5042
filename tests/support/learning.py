"""Small networks, small data, and a round of training in one call."""

import itertools

import numpy as np

from model.examples import Examples
from model.learning.loss import label_shares
from model.learning.options import PlanOptions, TrainOptions
from model.learning.plan import plan_round
from model.learning.state import LearnerState, new_state
from model.learning.trainer import TrainingFacts, train
from model.network.build import build
from model.network.spec import NetworkSpec

MLP = "model.network.mlp:mlp"
SMALL_CONV = "tests.support.factories:small_conv"


def stripes(n: int, size: int = 8, classes_n: int = 3, seed: int = 0) -> Examples:
    """Return noisy pictures with a bright row for each class: learnt within a few dozen steps."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes_n, n)
    pixels = rng.integers(0, 100, (n, size, size, 3))
    pixels[np.arange(n), labels * size // classes_n] += 120
    return Examples(pixels.astype(np.uint8), labels.astype(np.int64))


def fresh_state(architecture: str = SMALL_CONV, size: int = 8, classes_n: int = 3, seed: int = 1) -> LearnerState:
    """Return a state that has not learnt anything."""
    network = build(NetworkSpec(architecture, size, classes_n), seed)
    return new_state(network, tuple("abcdefghij"[:classes_n]))


def run_round(
    state: LearnerState,
    fresh: Examples,
    *,
    round_number: int = 1,
    seed: int = 3,
    plan: PlanOptions | None = None,
    options: TrainOptions | None = None,
) -> TrainingFacts:
    """Train a round on `fresh` beside a replay drawn from it."""
    planned = plan_round(len(fresh), plan or PlanOptions(batch=16), replay=True)
    chosen = np.random.default_rng(round_number).integers(0, len(fresh), planned.replay_n)
    replay = Examples(fresh.pixels_NHWC[chosen], fresh.labels[chosen])
    shares = label_shares(fresh.labels, len(state.classes))
    ticks = itertools.count()
    return train(
        state,
        fresh,
        replay,
        shares,
        planned,
        options or TrainOptions(),
        seed=seed,
        round_number=round_number,
        clock=lambda: float(next(ticks)),
    )
