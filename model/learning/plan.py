"""How many steps a round trains, and of what each batch is made."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.learning.options import PlanOptions


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of a round. `fresh_n` and `replay_n` samples (repeats included) are spread evenly over `steps`."""

    steps: int
    fresh_n: int
    replay_n: int
    """As many as are to be drawn from the store."""

    @property
    def fresh_share(self) -> float:
        """Share of fresh samples among all that are trained on."""
        return self.fresh_n / (self.fresh_n + self.replay_n)


def plan_round(fresh_n: int, options: PlanOptions, *, replay: bool) -> Plan:
    """Plan a round of `fresh_n` fresh samples. `replay`: whether the store has anything to replay.

    Steps follow from fresh samples, passes and the fresh part of a batch, within the minimum and the maximum; only
    where these bind does a fresh sample appear more or less than `passes` times. No batch has a fresh sample twice:
    where there are fewer than its fresh part, replay fills it, for a few samples trained as half of every batch would
    ruin the model. Else no more is replayed than `options.replay` says, one for each batch at least; some batches are
    then not full. Every batch has two samples at least, for norms need them. Raises ValueError without a fresh one.
    """
    if fresh_n < 1:
        raise ValueError("a round needs a fresh sample")
    share = 1.0 / (1.0 + options.replay) if replay else 1.0
    room = options.batch - 1 if share < 1.0 else options.batch
    usual = min(max(1, round(options.batch * share)), room)
    part = min(usual, fresh_n)
    wanted = fresh_n * options.passes
    steps = -(-wanted // part)
    if not options.steps_min <= steps <= options.steps_max:
        steps = min(max(steps, options.steps_min), options.steps_max)
        wanted = steps * part
    replay_n = steps * (options.batch - part) if replay else 0
    if part == usual:  # batches hold whole samples: where their fresh part was rounded, replay must not be more for it
        least = steps * max(1, 2 - wanted // steps)
        replay_n = min(replay_n, max(least, math.ceil(options.replay * wanted)))
    if replay_n == 0:
        wanted = max(wanted, 2 * steps)
    return Plan(steps, wanted, replay_n)


def plan_round_within(fresh_n: int, options: PlanOptions, more: float) -> Plan:
    """Plan a round beside `more` times the usual replay, but not such that a limit on its steps would bind.

    More replay takes more steps: each fresh sample is trained on as often as without it. And a window smaller than a
    batch is not trained more often for want of replay.
    """
    usual = plan_round(fresh_n, options, replay=True)
    if more < 1.0 and fresh_n < options.batch:
        return usual
    plan = plan_round(fresh_n, replace(options, replay=options.replay * more), replay=True)
    return usual if plan.fresh_n < usual.fresh_n else plan


def fresh_order(n: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `wanted` indexes below `n`: one shuffle after another, so that counts differ by one at most."""
    shuffles = [rng.permutation(n) for _ in range(-(-wanted // n))]
    return np.concatenate(shuffles)[:wanted]


def batch_bounds(total: int, steps: int) -> NDArray[np.int64]:
    """Return [steps + 1] bounds that cut `total` samples into batches whose sizes differ by one at most."""
    return np.arange(steps + 1, dtype=np.int64) * total // steps
