"""What a network answers on labelled pixels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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


def evaluate(network: nn.Module, batches: Iterable[Labelled], batch: int = 256) -> Answers:
    """Answer every sample of `batches` on the network's device, at most `batch` at a time, in float32.

    `network` is put into eval mode. Memory does not grow with the number of samples but for their answers.
    Raises DeviceError.
    """
    device = next(network.parameters()).device
    network.eval()
    predicted: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    labels: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    with torch.inference_mode(), device_faults(device):
        for pixels_NHWC, truth in _pieces(batches, batch):
            image = as_image(torch.from_numpy(pixels_NHWC).to(device))
            predicted.append(network(image).argmax(dim=1).cpu().numpy())
            labels.append(truth)
    return Answers(np.concatenate(predicted), np.concatenate(labels))


def _pieces(batches: Iterable[Labelled], size: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    for batch in batches:
        for start in range(0, len(batch.labels), size):
            yield batch.pixels_NHWC[start : start + size], batch.labels[start : start + size]
