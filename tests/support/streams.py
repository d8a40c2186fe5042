"""Small data for the learning benchmark."""

from pathlib import Path

import numpy as np

from tests.benchmarks.learning.data import Data, load


def arrays(classes_n: int = 4, each: int = 30, size: int = 8, channels: int = 0) -> dict[str, np.ndarray]:
    """Return what such a file holds: pictures with a bright row for each class, sorted by class."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes_n), each)
    shape = (len(labels), size, size, *([channels] if channels else []))
    pixels = rng.integers(0, 90, shape)
    pixels[np.arange(len(labels)), labels * size // classes_n] += 150
    return {
        "train_images": pixels.astype(np.uint8),
        "train_labels": labels.astype(np.uint8),
        "test_images": pixels[::3].astype(np.uint8),
        "test_labels": labels[::3].astype(np.uint8),
    }


def data(folder: Path, **changes: int) -> Data:
    """Return the same, written and read."""
    np.savez(folder / "data.npz", **arrays(**changes))
    return load(folder / "data.npz")
