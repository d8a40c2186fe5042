"""What a network answers on labelled pixels."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.examples import Labelled
from model.learning.augment import as_image
from model.learning.device import device_faults


@dataclass(frozen=True, slots=True)
class Answers:
    """Per sample, in the order given."""

    predicted: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the answer is the label."""
        right: NDArray[np.bool_] = self.predicted == self.labels
        return right

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None where there are no samples."""
        return float(self.correct.mean()) if len(self.labels) else None

    def some(self, chosen: NDArray[Any]) -> "Answers":
        """Return the answers at some indexes, or where a mask is true."""
        return Answers(self.predicted[chosen], self.labels[chosen])


def evaluate(network: nn.Module, batches: Iterable[Labelled], batch: int = 256) -> Answers:
    """Answer every sample of `batches` on the network's device, at most `batch` at a time, in float32.

    `network` is put into eval mode. Memory does not grow with the number of samples but for their answers.
    Raises DeviceError.
    """
    return evaluate_among(network, batches, [None], batch)[0]


def evaluate_among(
    network: nn.Module, batches: Iterable[Labelled], among: Sequence[int | None], batch: int = 256
) -> list[Answers]:
    """Answer every sample once, and again as if the network knew the first so many classes only; None: all of them."""
    device = next(network.parameters()).device
    network.eval()
    predicted: list[list[NDArray[np.int64]]] = [[np.empty(0, np.int64)] for _ in among]
    labels: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    with torch.inference_mode(), device_faults(device):
        for pixels_NHWC, truth in pieces(batches, batch):
            image = as_image(torch.from_numpy(pixels_NHWC).to(device))
            logits = network(image)
            for said, first in zip(predicted, among, strict=True):
                said.append(logits[:, :first].argmax(dim=1).cpu().numpy())
            labels.append(truth)
    every = np.concatenate(labels)
    return [Answers(np.concatenate(said), every) for said in predicted]


def pieces(batches: Iterable[Labelled], size: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Iterate over pixels and labels, at most `size` samples at a time."""
    for batch in batches:
        for start in range(0, len(batch.labels), size):
            yield batch.pixels_NHWC[start : start + size], batch.labels[start : start + size]
