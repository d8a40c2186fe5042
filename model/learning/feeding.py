"""Batches of a round, in an order that follows from (seed, round), on the device."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.examples import Labelled
from model.learning.augment import as_image, draw_shifts, shifted
from model.learning.options import TrainOptions
from model.learning.plan import Plan, batch_bounds, fresh_order
from model.learning.recall import Recall
from model.seeding import seeded


@dataclass(frozen=True, slots=True)
class Feed:
    """A batch ready for the network."""

    image: Tensor
    """float32 [n, 3, size, size] in 0..1, augmented."""
    labels: Tensor
    """int64 [n]."""
    rows: NDArray[np.int64]
    """[n], on the host: rows of the fresh samples, then on of the replayed ones."""
    former: Tensor | None = None
    """float32 [replayed, classes]: what the last samples of the batch, the replayed ones, are held to."""


def feed(
    fresh: Labelled,
    replay: Labelled,
    plan: Plan,
    options: TrainOptions,
    device: torch.device,
    *,
    seed: int,
    round_number: int,
    recall: Recall | None = None,
) -> Iterator[Feed]:
    """Give `plan.steps` batches, each with its part of fresh and of replayed samples.

    Every fresh sample appears as often as any other, or once more; every replayed one once. Samples stay where they
    are: only a batch at a time goes to the device, from pinned memory and without waiting on CUDA.
    Raises ValueError when `replay` is not what the plan asked for.
    """
    if len(replay.labels) != plan.replay_n:
        raise ValueError(f"the plan asks for {plan.replay_n} replayed samples, not {len(replay.labels)}")
    rng = seeded(seed, round_number, "order")
    fresh_at = fresh_order(len(fresh.labels), plan.fresh_n, rng)
    replay_at = rng.permutation(plan.replay_n)
    fresh_bounds = batch_bounds(plan.fresh_n, plan.steps)
    replay_bounds = batch_bounds(plan.replay_n, plan.steps)
    shifts_rng = seeded(seed, round_number, "augment")
    for step in range(plan.steps):
        first = fresh_at[fresh_bounds[step] : fresh_bounds[step + 1]]
        second = replay_at[replay_bounds[step] : replay_bounds[step + 1]]
        pixels_NHWC = np.concatenate([fresh.pixels_NHWC[first], replay.pixels_NHWC[second]])
        labels = np.concatenate([fresh.labels[first], replay.labels[second]])
        n, size = pixels_NHWC.shape[:2]
        shifts = draw_shifts(n, size, shifts_rng, crop=options.crop, flip=options.flip)
        on_device = _sent(pixels_NHWC, device)
        former = _sent(recall.logits[second], device) if recall is not None and len(second) else None
        image = as_image(shifted(on_device, shifts.to(device) if shifts else None))
        yield Feed(image, _sent(labels, device), np.concatenate([first, second + len(fresh.labels)]), former)


def _sent(array: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
