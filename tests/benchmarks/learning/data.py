"""Reads an .npz of images: `train_images`, `train_labels`, `test_images`, `test_labels`. Any size, grey or colour."""

import hashlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.pictures.resize import square_rgb

PARTS = ("train", "test")
SIDE_MAX = 64
"""Larger pictures are resized to this side, as the daemon's default does, unless told otherwise."""
VALIDATION = 6
"""One in so many training images is for choosing, where the test images must not be looked at."""
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an .npz begins; the second is an empty one."""
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, tokenize.TokenError)
"""What reading raises for bytes that are wrong: the last two for flags of the zip and for an array's header."""
NAMES_TOLD = 5


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
    arrays = _arrays(path)
    pixels = {part: _squared(_pixels(arrays[f"{part}_images"], f"{part}_images"), size) for part in PARTS}
    if pixels["train"].shape[1:] != pixels["test"].shape[1:]:
        raise DataError("train_images and test_images differ in size or colour; make them alike")
    digits = max(_digits(arrays[f"{part}_labels"]) for part in PARTS)
    names = {part: _names(arrays[f"{part}_labels"], len(pixels[part]), f"{part}_labels", digits) for part in PARTS}
    if images:
        kept, whole = np.random.default_rng(0).permutation(len(names["train"]))[:images], np.unique(names["train"])
        names["train"], pixels["train"] = names["train"][kept], pixels["train"][kept]
        if len(lost := np.setdiff1d(whole, names["train"])):
            raise DataError(f"{images} training images are too few: none is of {listed(lost)}; use more of them")
    return _checked(pixels, names)


def for_choosing(data: Data, seed: int) -> Data:
    """Return the data with a part of its training images in place of the test images, which are then not used.

    Raises DataError where these are too few.
    """
    order = np.random.default_rng([seed, 4711]).permutation(len(data.train))
    held = len(order) // VALIDATION
    test, train = np.sort(order[:held]), np.sort(order[held:])
    if not held:
        raise DataError(f"{len(order)} training images are too few to choose on; at least {VALIDATION} are needed")
    if len(lost := np.setdiff1d(data.train.labels, data.train.labels[train])):
        who = listed(data.classes[index] for index in lost)
        raise DataError(f"with {held} training images kept for choosing, none is left of {who}; use more of them")
    digest = hashlib.sha256(f"{data.digest} for choosing {seed}".encode()).hexdigest()
    return replace(data, train=_part(data.train, train), test=_part(data.train, test), digest=digest)


def listed(names: Iterable[object]) -> str:
    """Return names for a message, the first few of many."""
    every = [str(one) for one in names]
    return ", ".join(every[:NAMES_TOLD]) + (f" and {len(every) - NAMES_TOLD} more" if every[NAMES_TOLD:] else "")


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the four arrays of the file."""
    wanted = [f"{part}_{what}" for part in PARTS for what in ("images", "labels")]
    try:
        with path.open("rb") as raw:
            if raw.read(4) not in ZIP_STARTS:
                raise DataError(f"{path} is no .npz, which numpy.savez writes; {', '.join(wanted)} are to be in it")
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in wanted if name not in file.files]:
                raise DataError(f"{path} has no {', '.join(missing)}; it has {listed(file.files) or 'nothing'}")
            arrays = {name: file[name] for name in wanted}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except DAMAGE as error:
        raise DataError(f"{path} is damaged or not whole, write or fetch it anew: {error}") from error
    except ValueError as error:  # NumPy's own words advise to unpickle what may be anybody's
        raise DataError(f"{path} has an array that is damaged, or of objects, not of numbers or names") from error
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise DataError(f"{', '.join(strange)} in {path} cannot be read as arrays; numpy.savez writes such")
    return arrays


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


def _digits(labels: NDArray[np.generic]) -> int:
    """Return the digits of the largest number; 0 for names."""
    return len(str(int(np.abs(labels.astype(np.int64)).max(initial=0)))) if labels.dtype.kind in "iu" else 0


def _names(labels: NDArray[np.generic], n: int, name: str, digits: int) -> NDArray[np.str_]:
    """Return the class names, [n]; numbers are filled up with zeros, so that names sort as numbers do."""
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim != 1 or flat.dtype.kind not in "iuUS":
        raise DataError(f"{name} is {labels.dtype} of shape {labels.shape}; whole numbers or names, [n], can be read")
    if len(flat) != n:
        raise DataError(f"{name} has {len(flat)} entries for {n} images")
    if flat.dtype.kind in "iu":
        return np.array([f"{int(one):0{digits}d}" for one in flat])
    try:
        texts = flat.astype(np.str_)
    except UnicodeDecodeError as error:
        raise DataError(f"{name} has bytes that are not ASCII; save the names as text: {error}") from error
    if empty := int((texts == "").sum()):
        raise DataError(f"{name} has {empty} empty names; each class needs one of a character or more")
    return texts


def _checked(pixels: dict[str, NDArray[np.uint8]], names: dict[str, NDArray[np.str_]]) -> Data:
    classes = np.unique(names["train"])
    if len(classes) < 2:
        raise DataError(f"the training images are of {len(classes)} class; at least two are needed")
    strange = np.setdiff1d(names["test"], classes)
    if len(strange):
        raise DataError(f"test_labels has classes that train_labels lacks: {listed(strange)}")
    splits = {part: Split(pixels[part], np.searchsorted(classes, names[part]).astype(np.int64)) for part in PARTS}
    whole = hashlib.sha256()
    for split in splits.values():
        whole.update(str(split.pixels_NHWC.shape).encode())
        whole.update(np.ascontiguousarray(split.pixels_NHWC).data)
        whole.update(split.labels.data)
    return Data(splits["train"], splits["test"], tuple(map(str, classes)), whole.hexdigest())
