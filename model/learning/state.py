"""All that goes from one round to the next: weights, their average, optimiser, statistics and step."""

import copy
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import torch
from torch import Tensor

from model.learning import state_file
from model.learning.average import WeightAverage
from model.learning.optimiser import Moments
from model.network.growth import grow, keep_rows
from model.network.network import Network


@dataclass(slots=True)
class LearnerState:
    """What is restored when a candidate is refused, and what a version's weights file holds."""

    network: Network
    """The weights being trained, with BatchNorm's running statistics and the normalisation."""
    classes: tuple[str, ...]
    """Names, in the order of the logits."""
    average: WeightAverage
    """What is published: the moving average of the weights."""
    pretrained: bool = False
    """Whether the first weights came from a file: the backbone then learns at a tenth of the head's rate."""
    steps: int = 0
    """Optimiser steps since the beginning, over all rounds."""
    moments: Moments = field(default_factory=Moments)
    statistics: dict[str, Tensor] = field(default_factory=dict)
    """BatchNorm's buffers for the averaged weights, by name in the network; empty until they were estimated."""

    def grow(self, classes: tuple[str, ...], seed: int) -> None:
        """Make room for classes appended to `classes`. Raises ValueError when old ones moved or are missing.

        Old rows of head, average and optimiser stay bit for bit. The optimiser remembers nothing of new rows; their
        average begins with them.
        """
        old_n = len(self.classes)
        if classes[:old_n] != self.classes:
            raise ValueError(f"classes {classes} do not begin with those known, {self.classes}")
        rows_n = len(classes) - old_n
        grow(self.network, len(classes), seed)
        parameters = dict(self.network.named_parameters())
        for name in self.network.head_parameters:
            self.average.grow(name, parameters[name].detach()[old_n:])
            self.moments.grow(name, rows_n)
        self.average.bear(rows_n)
        self.classes = classes

    def keep(self, classes: tuple[str, ...]) -> None:
        """Forget all classes but some, which get this order. Raises ValueError for one that is not known.

        Rows of head, average and optimiser stay bit for bit.
        """
        if unknown := {*classes} - {*self.classes}:
            raise ValueError(f"classes {sorted(unknown)} are not among those known, {self.classes}")
        rows = [self.classes.index(name) for name in classes]
        keep_rows(self.network, rows)
        self.average.keep(self.network.head_parameters, rows)
        for name in self.network.head_parameters:
            self.moments.keep(name, rows)
        self.classes = classes

    def follow(self, classes: tuple[str, ...], seed: int) -> None:
        """Know these classes, in this order: forget those that left, make room for those that came.

        Those that come first and are known already keep their rows, the others begin anew.
        """
        known = tuple(takewhile(lambda name: name in self.classes, classes))
        if known != self.classes:
            self.keep(known)
        if classes != self.classes:
            self.grow(classes, seed)

    def clone(self) -> "LearnerState":
        """Return an independent copy; to restore is to go on with the copy."""
        return copy.deepcopy(self)

    def to(self, device: torch.device) -> None:
        """Move everything to the device."""
        self.network.to(device)
        self.average.tensors = _moved(self.average.tensors, device)
        self.statistics = _moved(self.statistics, device)
        self.moments.tensors = {name: _moved(kept, device) for name, kept in self.moments.tensors.items()}

    def save(self, path: Path) -> str:
        """Write one safetensors file and return the hex SHA-256 of its bytes. Raises OSError.

        The same state gives the same bytes. Not fsynced: the one who moves it into place does that.
        """
        contents = state_file.Contents(
            network=self.network,
            classes=self.classes,
            average=self.average,
            pretrained=self.pretrained,
            steps=self.steps,
            moments=self.moments,
            statistics=self.statistics,
        )
        return state_file.write(path, contents)

    @classmethod
    def load(cls, path: Path) -> "LearnerState":
        """Read what `save` wrote, bit for bit, onto the CPU. Raises StateFileError or OSError."""
        contents = state_file.read(path)
        return cls(
            network=contents.network,
            classes=contents.classes,
            average=contents.average,
            pretrained=contents.pretrained,
            steps=contents.steps,
            moments=contents.moments,
            statistics=contents.statistics,
        )


def new_state(network: Network, classes: tuple[str, ...], *, pretrained: bool = False) -> LearnerState:
    """Return the state of a learner that has not learnt anything yet."""
    if len(classes) != network.spec.classes_n:
        raise ValueError(f"{len(classes)} classes do not fit a head of {network.spec.classes_n}")
    average = WeightAverage.of(dict(network.named_parameters()), len(classes))
    return LearnerState(network, classes, average, pretrained)


def _moved(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
