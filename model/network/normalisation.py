"""Mean and deviation of the pixels, by channel: the store's own, fixed with the first version."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STD_MIN = 0.02
"""Floor of the deviation: a channel that never varies must not blow up its noise."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Of pixels in 0..1, for R, G and B."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IDENTITY = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def normalisation_of(batches: Iterable[NDArray[np.uint8]]) -> Normalisation:
    """Return mean and deviation of all pixels in `batches` of uint8 [n, h, w, 3].

    Counted exactly, so the order of batches makes no difference. Raises ValueError when there are no pixels.
    """
    counts = np.zeros((3, 256), np.int64)
    for pixels_NHWC in batches:
        for channel in range(3):
            counts[channel] += np.bincount(pixels_NHWC[..., channel].ravel(), minlength=256)
    total = int(counts[0].sum())
    if total == 0:
        raise ValueError("no pixels to take mean and deviation of")
    values = np.arange(256) / 255
    mean = counts @ values / total
    variance = counts @ values**2 / total - mean**2
    std = np.maximum(np.sqrt(np.maximum(variance, 0)), STD_MIN)
    return Normalisation(
        (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))
    )
