"""Which of many pictures of one class may go, and which then stand for them.

Two pictures after another become one, as in Ward's clustering (1963): those two that lose least by it, which are alike
and stand for few. Which of them stays is left to chance, in proportion to how many each stands for, and it stands for
both: among those that a picture stands for, each was as likely to be the one. Where a random choice keeps several of
the same and none of the rare, this covers what a class looks like. The loss is by the distance, not by its square as
Ward's: else what lies far from all others, as a wrong label does, is kept above all.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 8
"""Pixels of a thumbnail's side: pictures are compared by their coarse shape and colour."""
ENOUGH = 64
"""Pixels of a side that a thumbnail is made of."""


def thumbnails(pixels_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the means of SIDE x SIDE fields of each picture, rounded: uint8 [n, fields and channels].

    Of a large picture every second or third row and column is enough.
    """
    step = max(1, pixels_NHWC.shape[1] // ENOUGH)
    pixels_NHWC = pixels_NHWC[:, ::step, ::step]
    n, size, _, channels = pixels_NHWC.shape
    side = min(SIDE, size)
    bounds = -(-np.arange(side) * size // side)
    lengths = np.diff(bounds, append=size)
    areas = np.outer(lengths, lengths)[None, :, :, None]
    field = np.repeat(np.eye(side, dtype=np.float32), lengths, axis=1)  # [side, size]: which field a row belongs to
    by_row = field @ pixels_NHWC.reshape(n, size, -1).astype(np.float32)
    by_field = field @ by_row.reshape(n * side, size, channels)
    # Whole numbers below 2^24: the same on every machine, in whatever order they are added.
    sums = by_field.astype(np.int64).reshape(n, side, side, channels)
    rounded: NDArray[np.uint8] = ((2 * sums + areas) // (2 * areas)).astype(np.uint8).reshape(len(pixels_NHWC), -1)
    return rounded


def condense(
    points: NDArray[np.float32], masses: NDArray[np.int64], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return for how many each point stands after `n` have gone: [points], 0 for those.

    `points`: [points, dimensions], in any unit; `masses`: how many samples each stands for, from 1. The cost is `n`
    times the square of the number of points. Raises ValueError unless `n` is below that.
    """
    if n >= len(points):
        raise ValueError(f"{n} of {len(points)} points cannot go: one must stand for them")
    masses = masses.copy()
    squares = (points**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * points @ points.T, 0.0))
    losses = distances * _joint(masses[:, None], masses)
    np.fill_diagonal(losses, np.inf)
    for _ in range(n):
        stays, goes = divmod(int(losses.argmin()), len(points))
        if rng.random() * (masses[stays] + masses[goes]) >= masses[stays]:
            stays, goes = goes, stays
        masses[stays] += masses[goes]
        masses[goes] = 0
        losses[goes] = losses[:, goes] = np.inf
        left = np.isfinite(losses[stays])
        losses[stays, left] = losses[left, stays] = distances[stays, left] * _joint(masses[stays], masses[left])
    return masses


def _joint(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    joint: NDArray[np.float64] = one * (other / np.maximum(one + other, 1))
    return joint
