"""Margins: how far the network puts a sample's label above every other class, while it is trained on the sample.

What most samples of a class teach works against a wrong label, so the margins of wrongly labelled ones stay low
(AUM, Pleiss 2020). Margins are those of the raw logits, before the step that they lead to.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Seen:
    """The margins of a round, in the order of its batches; a sample that came several times is there as often."""

    rows: NDArray[np.int64]
    """[n], rows of the samples: of the fresh ones, then on of the replayed ones."""
    margins: NDArray[np.float32]
    """[n]"""
    said: NDArray[np.int64]
    """[n], classes with the highest logit."""


class Margins:
    """Gathers margins batch by batch. They stay on the device until they are read: no step waits for it."""

    def __init__(self) -> None:
        self._rows: list[NDArray[np.int64]] = []
        self._margins: list[Tensor] = []
        self._said: list[Tensor] = []

    def note(self, logits: Tensor, labels: Tensor, rows: NDArray[np.int64]) -> None:
        """Take in a batch: logits [n, classes], at least two classes; labels [n]; rows [n]. Nothing is drawn."""
        logits = logits.detach().float()
        own = labels[:, None]
        others = logits.scatter(1, own, -torch.inf).amax(dim=1)
        self._rows.append(rows)
        self._margins.append(logits.gather(1, own)[:, 0] - others)
        self._said.append(logits.argmax(dim=1))

    def read(self) -> Seen:
        """Return what was taken in, of one batch at least; waits for the device."""
        margins, said = torch.cat(self._margins), torch.cat(self._said)
        return Seen(np.concatenate(self._rows), margins.cpu().numpy(), said.cpu().numpy())


def first_error(seen: Seen, fresh_n: int) -> float:
    """Return the share of the first `fresh_n` samples that were wrong when they were trained on for the first time."""
    rows, first = np.unique(seen.rows, return_index=True)
    return float((seen.margins[first[rows < fresh_n]] <= 0).mean())
