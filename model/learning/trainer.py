"""Train a state for one round."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.examples import Labelled
from model.learning.options import TrainOptions
from model.learning.plan import Plan
from model.learning.state import LearnerState


@dataclass(frozen=True, slots=True)
class StepFacts:
    """Progress; told four times a second at most, and at the last step."""

    step: int
    """From 1."""
    steps: int
    loss: float
    samples_per_second: float


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What a round's training was."""

    steps: int
    epochs: float
    """Times that a fresh sample was trained on, in the mean."""
    fresh: int
    """Fresh samples trained on, repeats included."""
    replayed: int
    """Replayed samples trained on."""
    loss: float
    """Mean over the round's steps."""
    seconds: float
    device: str
    threads: int


def train(
    state: LearnerState,
    fresh: Labelled,
    replay: Labelled,
    replay_shares: NDArray[np.float64],
    plan: Plan,
    options: TrainOptions,
    *,
    seed: int,
    round_number: int,
    clock: Callable[[], float],
    progress: Callable[[StepFacts], None] = lambda _facts: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainingFacts:
    """Train `state` in place, on the device that it is on, for `plan.steps` steps.

    `replay` holds `plan.replay_n` samples, drawn by the distribution `replay_shares` ([classes_n]). On the CPU the
    same inputs, seed, round and number of threads give the same bytes. `clock` gives seconds.
    Raises DivergedError, StoppedError, DeviceError; the state is then to be thrown away.
    """
    raise NotImplementedError
