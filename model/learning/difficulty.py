"""Which classes are replayed more than others: those that the network gets wrong, for there is more to be learnt.

The share of a class's samples that the network gets wrong when it trains on them, fresh or replayed, followed over
rounds. A sample's chance to be replayed goes with its root: of a class that is known, some must come all the same, or
it would be forgotten.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.learning.margins import Seen

UNKNOWN = 1.0
"""Error of a class that was never trained on."""
KNOWN = 0.1
"""Error that is added: what is always right is still replayed a quarter to a third as often as what is always wrong."""
MEMORY = 500
"""Samples of a class whose mean replaces what was known of it."""


def replay_weights(errors: Sequence[float], classes_n: int) -> NDArray[np.float64]:
    """Return [classes_n], how often a sample of each class is to be replayed in relation to others."""
    weights: NDArray[np.float64] = np.sqrt(_of_all(errors, classes_n) + KNOWN)
    return weights


def follow_errors(errors: Sequence[float], seen: Seen, labels: NDArray[np.int64], classes_n: int) -> tuple[float, ...]:
    """Return the errors by class after a round; `labels` are those of the rows that were `seen`.

    A class of which nothing was seen keeps its error.
    """
    classes, wrong = labels[seen.rows], seen.margins <= 0
    counts = np.bincount(classes, minlength=classes_n)[:classes_n]
    rates = np.bincount(classes, wrong, minlength=classes_n)[:classes_n] / np.maximum(counts, 1)
    every = _of_all(errors, classes_n)
    first = np.arange(classes_n) >= len(errors)
    parts = np.where(first & (counts > 0), 1.0, np.minimum(1.0, counts / MEMORY))
    return tuple((every + parts * (rates - every)).tolist())


def _of_all(errors: Sequence[float], classes_n: int) -> NDArray[np.float64]:
    every = np.full(classes_n, UNKNOWN)
    every[: len(errors)] = errors[:classes_n]
    return every
