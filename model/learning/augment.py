"""Shift and mirror: one gather for the whole batch, on whatever device it is, on bytes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHIFT = 8
"""A picture is shifted by up to a SHIFT-th of its side: 4 pixels at 32 (pad-crop, as on CIFAR)."""


@dataclass(frozen=True, slots=True)
class Shifts:
    """Where each sample's pixels come from: int64 [n, size], indexes of rows and of columns."""

    rows: Tensor
    columns: Tensor

    def to(self, device: torch.device) -> "Shifts":
        """Return the same on the device, without waiting for the copy."""
        return Shifts(self.rows.to(device, non_blocking=True), self.columns.to(device, non_blocking=True))


def draw_shifts(n: int, size: int, rng: np.random.Generator, *, crop: bool, flip: bool) -> Shifts | None:
    """Draw how each of `n` pictures is shifted and mirrored; None where neither is wanted."""
    if not (crop or flip):
        return None
    reach = max(1, size // SHIFT) if crop and size > 1 else 0
    line = np.arange(size)
    rows = _reflected(line + rng.integers(-reach, reach + 1, (n, 1)), size)
    columns = _reflected(line + rng.integers(-reach, reach + 1, (n, 1)), size)
    if flip:
        columns = np.where(rng.random((n, 1)) < 0.5, columns[:, ::-1], columns)
    return Shifts(torch.from_numpy(rows), torch.from_numpy(np.ascontiguousarray(columns)))


def shifted(pixels_NHWC: Tensor, shifts: Shifts | None) -> Tensor:
    """Return the pictures [n, size, size, 3] shifted and mirrored, same type and device."""
    if shifts is None:
        return pixels_NHWC
    samples = torch.arange(len(pixels_NHWC), device=pixels_NHWC.device)[:, None, None]
    return pixels_NHWC[samples, shifts.rows[:, :, None], shifts.columns[:, None, :]]


def as_image(pixels_NHWC: Tensor) -> Tensor:
    """Return uint8 [n, h, w, 3] as float32 [n, 3, h, w] in 0..1: what a network takes."""
    return pixels_NHWC.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _reflected(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Fold indexes beyond an edge back into the picture: no black border that would tell the shift."""
    folded: NDArray[np.int64] = np.abs((size - 1) - np.abs((size - 1) - np.abs(index)))
    return folded
