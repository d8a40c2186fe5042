"""Reads an .npz of images: `train_images`, `train_labels`, `test_images`, `test_labels`. Any size, grey or colour."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streaming.images.resize import square_rgb

PARTS = ("train", "test")
SIDE_MAX = 64
"""Larger pictures are resized to this side, as the daemon's default does, unless told otherwise."""
VALIDATION = 6
"""One in so many training images is for choosing, where the test images must not be looked at."""


class DataError(Exception):
    """The file cannot be measured on; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images with their classes."""

    pixels_NHWC: NDArray[np.uint8]
    """[n, size, size, 1 or 3]; grey ones have one channel."""
    labels: NDArray[np.int64]
    """[n], indexes into the data's classes."""

    def __len__(self) -> int:
        return len(self.labels)

    def rgb(self, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the chosen images as the store keeps them: uint8 [n, size, size, 3]."""
        pixels_NHWC = self.pixels_NHWC[chosen]
        return np.broadcast_to(pixels_NHWC, (*pixels_NHWC.shape[:3], 3)).copy()  # torch wants it writable


@dataclass(frozen=True, slots=True)
class Data:
    """What is streamed, and what is measured on."""

    train: Split
    test: Split
    classes: tuple[str, ...]
    digest: str
    """Hex SHA-256 over what is used, so that a result can be kept by it."""

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return int(self.train.pixels_NHWC.shape[1])

    @property
    def grey(self) -> bool:
        """Whether the images have one channel."""
        return self.train.pixels_NHWC.shape[3] == 1


def load(path: Path, *, size: int = 0, images: int = 0) -> Data:
    """Read the file. `size`: resize to this side (0: keep, up to SIDE_MAX); `images`: use so many (0: all).

    Raises DataError.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [f"{part}_{what}" for part in PARTS for what in ("images", "labels")]
            missing = [name for name in missing if name not in file.files]
            if missing:
                raise DataError(f"{path} has no {', '.join(missing)}; it has {', '.join(file.files) or 'nothing'}")
            arrays = {name: file[name] for name in file.files if name.partition("_")[0] in PARTS}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as .npz: {error}") from error
    pixels = {part: _squared(_pixels(arrays[f"{part}_images"], f"{part}_images"), size) for part in PARTS}
    if pixels["train"].shape[1:] != pixels["test"].shape[1:]:
        raise DataError("train_images and test_images differ in size or colour; make them alike")
    names = {part: _names(arrays[f"{part}_labels"], len(pixels[part]), f"{part}_labels") for part in PARTS}
    if images:
        kept = np.random.default_rng(0).permutation(len(names["train"]))[:images]
        names["train"], pixels["train"] = names["train"][kept], pixels["train"][kept]
    return _checked(pixels, names)


def for_choosing(data: Data, seed: int) -> Data:
    """Return the data with a part of its training images in place of the test images, which are then not used."""
    order = np.random.default_rng([seed, 4711]).permutation(len(data.train))
    held = len(order) // VALIDATION
    test, train = np.sort(order[:held]), np.sort(order[held:])
    digest = hashlib.sha256(f"{data.digest} for choosing {seed}".encode()).hexdigest()
    return replace(data, train=_part(data.train, train), test=_part(data.train, test), digest=digest)


def _part(split: Split, chosen: NDArray[np.int64]) -> Split:
    return Split(split.pixels_NHWC[chosen], split.labels[chosen])


def _pixels(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return uint8 [n, h, w, c]."""
    if array.dtype != np.uint8:
        raise DataError(f"{name} is {array.dtype}, not uint8 in 0..255")
    pixels = array[..., None] if array.ndim == 3 else array
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        raise DataError(f"{name} has the shape {array.shape}; [n, h, w] and [n, h, w, 3] can be read")
    if 0 in pixels.shape:
        raise DataError(f"{name} is empty: its shape is {array.shape}")
    return pixels


def _squared(pixels_NHWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return square pictures, resized as the daemon does where they are not."""
    height, width = pixels_NHWC.shape[1:3]
    side = size or min(height, width, SIDE_MAX)
    if height == width == side:
        return pixels_NHWC
    small = np.empty((len(pixels_NHWC), side, side, pixels_NHWC.shape[3]), np.uint8)
    for row, picture in enumerate(pixels_NHWC):
        image = Image.fromarray(picture if picture.shape[2] == 3 else picture[..., 0])
        resized = np.frombuffer(square_rgb(image, side, 1), np.uint8).reshape(side, side, 3)
        small[row] = resized[..., : small.shape[3]]
    return small


def _names(labels: NDArray[np.generic], n: int, name: str) -> NDArray[np.str_]:
    """Return the class names, [n]."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim != 1 or flat.dtype.kind not in "iuUS":
        raise DataError(f"{name} is {labels.dtype} of shape {labels.shape}; whole numbers or names, [n], can be read")
    if len(flat) != n:
        raise DataError(f"{name} has {len(flat)} entries for {n} images")
    width = len(str(int(np.abs(flat.astype(np.int64)).max()))) if flat.dtype.kind in "iu" else 0
    # Numbers are filled up with zeros, so that names sort as numbers do.
    return np.array([f"{int(one):0{width}d}" for one in flat]) if width else flat.astype(np.str_)


def _checked(pixels: dict[str, NDArray[np.uint8]], names: dict[str, NDArray[np.str_]]) -> Data:
    classes = np.unique(names["train"])
    if len(classes) < 2:
        raise DataError(f"the training images are of {len(classes)} class; at least two are needed")
    strange = np.setdiff1d(names["test"], classes)
    if len(strange):
        raise DataError(f"test_labels has classes that train_labels lacks: {', '.join(map(str, strange[:5]))}")
    splits = {part: Split(pixels[part], np.searchsorted(classes, names[part]).astype(np.int64)) for part in PARTS}
    whole = hashlib.sha256()
    for split in splits.values():
        whole.update(str(split.pixels_NHWC.shape).encode())
        whole.update(np.ascontiguousarray(split.pixels_NHWC).data)
        whole.update(split.labels.data)
    return Data(splits["train"], splits["test"], tuple(map(str, classes)), whole.hexdigest())
