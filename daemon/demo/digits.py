"""scikit-learn's handwritten digits as PNG files: 1,797 pictures of 8 x 8 pixels, a fifth kept back as test set."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TEST_SHARE = 0.2
BRIGHTEST = 16
"""The dataset's pixels are 0 to 16."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A labelled picture. `number` is its place in the dataset."""

    number: int
    label: str
    pixels_HW: NDArray[np.uint8]

    def png(self) -> bytes:
        """Return the picture as a grey PNG."""
        return png_of(self.pixels_HW)


@dataclass(frozen=True, slots=True)
class Split:
    """Pictures to stream, in a shuffled order, and pictures that are never streamed."""

    stream: tuple[Digit, ...]
    test: tuple[Digit, ...]


def load_split(seed: int) -> Split:
    """Return the digits, split by class with `seed`. The dataset is part of scikit-learn; nothing is downloaded."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - slow to load, and an extra
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    data = load_digits()
    pixels = np.rint(data.images * (255 / BRIGHTEST)).astype(np.uint8)
    stream, test = train_test_split(
        np.arange(len(pixels)), test_size=TEST_SHARE, stratify=data.target, shuffle=True, random_state=seed
    )
    return Split(*(_digits(numbers, data.target, pixels) for numbers in (stream, test)))


def _digits(numbers: Sequence[int], labels: Sequence[int], pixels: NDArray[np.uint8]) -> tuple[Digit, ...]:
    return tuple(Digit(int(number), str(labels[number]), pixels[number]) for number in numbers)


def shifted(digits: Sequence[Digit], seed: int) -> Iterator[Digit]:
    """Yield the digits again and again, each time shifted by a pixel and slightly noisy: pictures not seen before."""
    generator = np.random.default_rng(seed)
    while True:
        for index in generator.permutation(len(digits)):
            digit = digits[index]
            down, right = generator.integers(-1, 2, size=2)
            moved = _shift(digit.pixels_HW, int(down), int(right)).astype(np.int16)
            noisy = moved + generator.integers(-8, 9, size=moved.shape)
            yield Digit(digit.number, digit.label, np.clip(noisy, 0, 255).astype(np.uint8))


def _shift(pixels_HW: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Return the picture moved by a pixel at most, black where nothing was."""
    height, width = pixels_HW.shape
    padded = np.pad(pixels_HW, 1)
    return padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]


def png_of(pixels_HW: NDArray[np.uint8]) -> bytes:
    """Return grey pixels as PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels_HW).save(file, "PNG")
    return file.getvalue()
