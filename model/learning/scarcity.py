"""Which classes a round meets in a few kept pictures alone, and by how much these are to win.

What the window lacks comes from replay. Where the store has evicted nearly all of a class, that is a few pictures seen
again and again: soon known by heart, they push no more, while the window's classes come in ever new ones and take the
others' ground. So the few are to win by a margin that goes with n^-1/4, as that of rare classes does in
label-distribution-aware margins (LDAM, Cao 2019).
"""

import numpy as np
from numpy.typing import NDArray


def scarcity(
    fresh: NDArray[np.float64], kept: NDArray[np.int64], forgotten: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return [classes], 0 to 1, the margin of each class in units of that of a single sample.

    `fresh` [classes] is the window's histogram of labels, summing to 1: a class that has an even share of it is not
    scarce. `kept` [classes] are the training samples stored, `forgotten` [classes] the share that was evicted.
    """
    lacking = np.maximum(0.0, 1.0 - fresh * len(fresh))
    margins: NDArray[np.float64] = lacking * forgotten * np.maximum(kept, 1) ** -0.25
    return margins
