"""Pictures to a model's input, as the learner saw those that it learnt from: for inference services in Python."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.pictures.decode import ImageDecoder
from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.resize import square_rgb

PICTURE_BYTES_MAX = 10_000_000
PIXELS_MAX = 50_000_000
"""The defaults of `image.max_bytes` and `image.max_pixels`: what ingest takes, and so what a model has seen."""
SIDE_MAX = 4096

INPUT = {
    "resize": "bilinear-antialias",
    "fit": "stretched",
    "layout": "NCHW",
    "dtype": "float32",
    "colour": "RGB",
    "range": "0..1",
    "upright": "EXIF, else XMP",
    "transparency": "over white",
    "depth": "upper 8 of 16 bits",
    "profiles": "ignored",
    "animation": "first picture",
}
"""What is done to every picture, in the words of a manifest's `input`; docs/pictures.md explains each."""

Picture = str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any]
"""A file's path, a file's bytes, or pixels: uint8 or uint16, [H, W], [H, W, 1 to 4] (grey, grey and opacity, RGB,
RGBA), or many of them, [n, H, W, 1 to 4]."""

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def prepare(
    images: Picture | Sequence[Picture],
    input: Any,  # noqa: A002 - the manifest's word for it
    *,
    max_bytes: int = PICTURE_BYTES_MAX,
    max_pixels: int = PIXELS_MAX,
) -> NDArray[np.float32]:
    """Return float32 [n, 3, H, W], RGB, 0 to 1: what `image` of model.onnx wants, and to the bit what was learnt.

    `input`: the `input` of the version's manifest, or the side of the square in pixels. One picture gives n = 1; a
    sequence gives all of them, in order.

    Raises RefusedPicture for a picture that ingest would refuse under the same limits, OSError for a file that cannot
    be read, TypeError for what is no picture at all, and ValueError for an `input` or pixels of another kind.
    """
    size = _size(input)
    decoder = _decoder(size, max_bytes, max_pixels)
    pixels = [one for number, image in enumerate(_each(images)) for one in _square(image, number, decoder)]
    batch_NHWC = np.frombuffer(b"".join(pixels), np.uint8).reshape(len(pixels), size, size, 3)
    return np.ascontiguousarray(batch_NHWC.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


@lru_cache(maxsize=16)
def _decoder(size: int, max_bytes: int, max_pixels: int) -> ImageDecoder:
    """One for all threads, so that they share its limit on memory."""
    return ImageDecoder(size, max_bytes, max_pixels)


def _size(spec: Any) -> int:
    if isinstance(spec, (int, np.integer)) and not isinstance(spec, bool):
        return _checked_side(int(spec), int(spec))
    told = asdict(spec) if is_dataclass(spec) and not isinstance(spec, type) else spec
    if not isinstance(told, Mapping) or "height" not in told or "width" not in told:
        raise ValueError(f"input is {str(told)[:80]!r}: give a manifest's `input`, or a side in pixels")
    for key, done in INPUT.items():
        if told.get(key) not in (None, done):
            raise ValueError(f"input.{key} is {told[key]!r}; this version of tidemill prepares {done!r} alone")
    return _checked_side(told["height"], told["width"])


def _checked_side(height: object, width: object) -> int:
    if not isinstance(height, int) or height != width or not 1 <= height <= SIDE_MAX:
        raise ValueError(f"input is {height} x {width}: models of tidemill see squares of 1 to {SIDE_MAX} pixels")
    return height


def _each(images: Picture | Sequence[Picture]) -> Sequence[Any]:
    return images if isinstance(images, (list, tuple)) else [images]


def _square(image: Any, number: int, decoder: ImageDecoder) -> list[bytes]:
    """Return RGB, uint8, of one picture, or of each of an array of many."""
    if isinstance(image, np.ndarray):
        many = image if image.ndim == 4 else image[None]
        return [_of_array(one, number, decoder) for one in many]
    if isinstance(image, (str, os.PathLike)):
        with Path(image).open("rb") as file:
            data, name = file.read(decoder.max_bytes + 1), str(image)
    elif isinstance(image, (bytes, bytearray, memoryview)):
        data, name = bytes(image), f"picture {number}"
    else:
        kind = type(image).__name__
        raise TypeError(f"picture {number}, of type {kind}, is none: give a path, bytes or an array")
    try:
        return [decoder.decode(data)]
    except RefusedPicture as refused:
        raise RefusedPicture(refused.reason, f"{name}: {refused}") from refused


def _of_array(pixels: NDArray[Any], number: int, decoder: ImageDecoder) -> bytes:
    """Resize pixels that are decoded already; 16 bits keep their upper half."""
    shaped = pixels[..., None] if pixels.ndim == 2 else pixels
    if (
        shaped.ndim != 3
        or shaped.shape[2] not in _MODES
        or not shaped.size
        or pixels.dtype not in (np.uint8, np.uint16)
    ):
        raise ValueError(
            f"picture {number} is an array of {pixels.dtype} {list(pixels.shape)}: give uint8 or uint16, "
            "[H, W] or [H, W, 1 to 4]; of 0 to 1, multiply by 255 and round first"
        )
    height, width, channels = shaped.shape
    if height * width > decoder.max_pixels:
        message = f"picture {number}: {width} x {height} pixels; {decoder.max_pixels} are allowed"
        raise RefusedPicture(Refusal.TOO_MANY_PIXELS, message)
    samples = shaped if shaped.dtype == np.uint8 else (shaped >> 8).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(samples[..., 0] if channels == 1 else samples))
    return square_rgb(image, decoder.size, 1)
