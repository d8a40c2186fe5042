"""From a learner's state to the network that is judged and exported."""

from model.examples import Labelled
from model.learning.state import LearnerState
from model.network.network import Network


def published_network(state: LearnerState, calibration: Labelled | None = None) -> Network:
    """Return a copy with the averaged weights, in eval mode, on the state's device.

    `calibration`: BatchNorm's statistics are re-estimated on these (about a thousand replayed samples, unaugmented) and
    kept in the state, so that `published_network(state)` gives the same network later, also from its file. Without,
    those of the last time are used.
    """
    raise NotImplementedError
