"""Makes a colour set of a grey one, for networks that see colour where no such set is at hand.

    python -m tests.benchmarks.learning.coloured --data grey.npz --out coloured.npz

Each picture is painted in a colour of its own on a ground of another, drawn whatever its class: colour says nothing of
it, and neither does brightness. The shape alone does, light on dark or dark on light.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.learning.data import PARTS, DataError, load

CONTRAST = 96
"""Least distance of the two colours in one channel at least, of 255."""


def coloured(grey_NHW: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the pictures in two colours each: uint8 [n, h, w, 3] of uint8 [n, h, w]."""
    n = len(grey_NHW)
    ground, paint = (rng.integers(0, 256, (n, 1, 1, 3)).astype(np.float32) for _ in range(2))
    # Where both are alike in all channels, the picture would be lost: the paint then takes the opposite.
    alike = np.abs(ground - paint).max(axis=-1, keepdims=True) < CONTRAST
    paint = np.where(alike, np.where(ground < 128, ground + 127, ground - 127), paint)
    share = grey_NHW[..., None].astype(np.float32) / 255.0
    return np.rint(ground + share * (paint - ground)).astype(np.uint8)


def main(argv: list[str] | None = None) -> int:
    """Read, paint, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.learning.coloured", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        data = load(options.data)
    except DataError as error:
        parser.error(str(error))
    if not data.grey:
        parser.error(f"{options.data} is not grey: its images are to be [n, h, w]")
    rng, names = np.random.default_rng(options.seed), np.array(data.classes)
    arrays: dict[str, NDArray[Any]] = {}
    for part, split in zip(PARTS, (data.train, data.test), strict=True):
        arrays |= {f"{part}_labels": names[split.labels], f"{part}_images": coloured(split.pixels_NHWC[..., 0], rng)}
    np.savez(options.out, **arrays)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
