"""All that goes from one round to the next: weights, their average, optimiser, statistics and step."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from model.network.network import Network


@dataclass(slots=True)
class LearnerState:
    """What is restored when a candidate is refused, and what a version's weights file holds."""

    network: Network
    """The weights being trained, with BatchNorm's running statistics and the normalisation."""
    classes: tuple[str, ...]
    """Names, in the order of the logits."""
    pretrained: bool = False
    """Whether the first weights came from a file: the backbone then learns at a tenth of the head's rate."""
    steps: int = 0
    """Optimiser steps since the beginning, over all rounds."""

    def grow(self, classes: tuple[str, ...], seed: int) -> None:
        """Make room for classes appended to `classes`. Raises ValueError when old ones moved or are missing."""
        raise NotImplementedError

    def clone(self) -> "LearnerState":
        """Return an independent copy; to restore is to go on with the copy."""
        raise NotImplementedError

    def to(self, device: torch.device) -> None:
        """Move everything to the device."""

    def save(self, path: Path) -> str:
        """Write one safetensors file and return the hex SHA-256 of its bytes.

        The same state gives the same bytes. Not fsynced: the one who moves it into place does that.
        """
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> "LearnerState":
        """Read what `save` wrote, bit for bit, onto the CPU. Raises StateFileError or OSError."""
        raise NotImplementedError


def new_state(network: Network, classes: tuple[str, ...], *, pretrained: bool = False) -> LearnerState:
    """Return the state of a learner that has not learnt anything yet."""
    raise NotImplementedError
