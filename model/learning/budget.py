"""How much of a round is replay. In the mean as much as configured; more where the window lacks what is to be kept.

Replay is for what the window does not hold. A window of all classes that the model knows well gains little by it; one
of two classes of ten is where the other eight are forgotten. So replay that is not needed is saved, and spent where it
is: the cost of learning stays what it was (decision 12).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LACKING = 0.3
"""Replayed samples for each fresh one and each time that what the window lacks is as much as what it holds."""
KNOWN_ERROR = 0.15
"""Share of fresh samples that the network gets wrong from which on replay teaches as much as what is fresh."""
LEAST = 0.1
"""Replay is hardly ever less: what changes within a class shows in no label."""
MOST = 3.0
"""Replay is never more, so that no round takes longer than three times the usual; at half and half, twice."""
SAVED_WINDOWS = 32
"""Windows whose whole replay may be saved: a stream that lacks nothing for long gets its replay all the same."""
NEWEST_SHARE = 0.5
"""Weight of the newest round in the mean error."""


class ReplayBudget(NamedTuple):
    """What is left of earlier rounds. Kept with each accepted round."""

    saved: float = 0.0
    """Samples that might have been replayed and were not."""
    error: float = 1.0
    """Share of fresh samples that the network got wrong when it first trained on them; 1 before it has."""
    errors: tuple[float, ...] = ()
    """[classes], shares of all that it got wrong, by class; see difficulty.py."""

    def ratio(self, fresh: NDArray[np.int64], stored: NDArray[np.int64], usual: float) -> float:
        """Return how much is to be replayed, as a multiple of the `usual` number of samples.

        `fresh` and `stored`: [classes], samples of the window and of the store.
        """
        if usual <= 0:
            return 1.0
        lacking = 1.0 / max(_overlap(fresh, stored), 1e-3) - 1.0
        wanted = max(LACKING * lacking, min(1.0, self.error / KNOWN_ERROR), LEAST)
        if self.saved >= SAVED_WINDOWS * usual:
            wanted = max(wanted, 1.0)
        return min(wanted, MOST, 1.0 + self.saved / usual)

    def after(self, usual: float, replayed: float, error: float, errors: tuple[float, ...] = ()) -> "ReplayBudget":
        """Return what is left after a round that might have replayed `usual` samples and replayed so many."""
        mean = error if self.error == 1.0 else self.error + NEWEST_SHARE * (error - self.error)
        return ReplayBudget(max(0.0, self.saved + usual - replayed), mean, errors)


def _overlap(fresh: NDArray[np.int64], stored: NDArray[np.int64]) -> float:
    """Return how much of what is to be known the window holds, in 0..1: what its shares of classes have in common with
    those that replay is drawn by where all are known alike, the window itself among the store.
    """
    roots = np.sqrt((fresh + stored).astype(np.float64))
    return float(np.minimum(fresh / max(fresh.sum(), 1), roots / max(roots.sum(), 1.0)).sum())
