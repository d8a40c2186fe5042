"""Labelled pixels in memory, whoever keeps them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Labelled(Protocol):
    """What training and judging need of a batch; the store's `Batch` is one."""

    @property
    def pixels_NHWC(self) -> NDArray[np.uint8]:  # noqa: N802 - the name gives the order of the axes
        """uint8, [n, size, size, 3], RGB."""
        ...

    @property
    def labels(self) -> NDArray[np.int64]:
        """[n], indexes of classes."""
        ...


@dataclass(frozen=True, slots=True)
class Examples:
    """The plainest `Labelled`."""

    pixels_NHWC: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def none(cls, size: int) -> "Examples":
        """Return no examples at all, of pictures of `size`."""
        return cls(np.empty((0, size, size, 3), np.uint8), np.empty(0, np.int64))
