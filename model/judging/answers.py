"""What a network answers on labelled pixels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from model.examples import Labelled


@dataclass(frozen=True, slots=True)
class Answers:
    """Per sample, in the order given."""

    predicted: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the answer is the label."""
        return self.predicted == self.labels

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None where there are no samples."""
        return float(self.correct.mean()) if len(self.labels) else None


def evaluate(network: nn.Module, batches: Iterable[Labelled], batch: int = 256) -> Answers:
    """Answer every sample of `batches` on the network's device, at most `batch` at a time, in float32.

    `network` is put into eval mode. Memory does not grow with the number of samples but for their answers.
    """
    raise NotImplementedError
