"""Holding on to former answers: a small memory is soon known by heart, what was answered to it says more than labels.

The mean squared distance to the logits that the averaged weights gave when a sample was learnt (DER, Buzzega 2020).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Recall:
    """What replay is held to."""

    logits: NDArray[np.float32]
    """[replayed samples, classes]; NaN where nothing is known."""
    weight: float
    """Of this term beside the cross-entropy."""


def recall_loss(logits: Tensor, former: Tensor) -> Tensor:
    """Return the squared distance over the classes known of each sample, in the mean over all samples.

    Both [n, classes]; `former` is NaN where nothing is known. A sample of which nothing is known counts as 0.
    """
    known = torch.isfinite(former)
    squares = torch.where(known, logits.float() - former, 0.0).square()
    return (squares.sum(dim=1) / known.sum(dim=1).clamp_min(1)).mean()
