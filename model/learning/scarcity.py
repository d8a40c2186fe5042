"""Which classes a round meets in a few kept pictures alone, and the margin that these are to win by.

What the window lacks comes from replay. Where the store has evicted nearly all of a class, that is a few pictures seen
again and again: soon known by heart, they push no more, while the window's classes come in ever new ones and take the
others' ground. So the few are to win by a margin, as rare classes in label-distribution-aware margins (LDAM, Cao 2019).
"""

import numpy as np
from numpy.typing import NDArray


def scarcity(fresh: NDArray[np.float64], forgotten: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [classes], 0 to 1: what the window lacks of a class, times what is no longer stored of it.

    `fresh` [classes] is the window's histogram of labels, summing to 1; a class lacks nothing from an even share on.
    `forgotten` [classes] is the share of each class's training samples that was evicted.
    """
    lacking: NDArray[np.float64] = np.maximum(0.0, 1.0 - fresh * len(fresh))
    return lacking * forgotten
