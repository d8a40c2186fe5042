"""Segments: immutable files of uint8 pixels. A sample's pixels are one row of one segment."""

import hashlib
import os
import struct
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.durable import PRIVATE_FILE, replace_durably
from model.store.errors import MissingFileError, StateUnavailableError

SEGMENTS_FOLDER = "segments"
MAGIC = b"tidemSEG"
HEADER = struct.Struct("<8sIII44x")
"""Magic, format, side of the pictures, rows; padded to 64 bytes."""
FORMAT = 1
HANDLES_MAX = 128
"""Segment files open at a time."""


class Place(NamedTuple):
    """Where a sample's pixels lie: `position` is the row within the segment."""

    digest: str
    position: int


class Segments:
    """The folder of segment files, named by the sha256 of their bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self.row_bytes = size * size * 3
        self._handles: OrderedDict[str, int] = OrderedDict()

    @staticmethod
    def file_name(digest: str) -> str:
        """Return the name of the file with this digest."""
        return f"{digest}.seg"

    def path(self, digest: str) -> Path:
        """Return where the segment lies."""
        return self._folder / self.file_name(digest)

    def write(self, pixels_NHWC: NDArray[np.uint8]) -> str:
        """Write uint8 [n, size, size, 3] as a new segment, durably; return its digest. Raises OSError."""
        header = HEADER.pack(MAGIC, FORMAT, self._size, len(pixels_NHWC))
        body = np.ascontiguousarray(pixels_NHWC).data.cast("B")
        digest = hashlib.sha256(header)
        digest.update(body)
        name = digest.hexdigest()
        replace_durably(self.path(name), header, body, mode=PRIVATE_FILE)
        return name

    def read(self, places: Sequence[Place]) -> NDArray[np.uint8]:
        """Return the pixels at `places`, in their order: uint8 [n, size, size, 3].

        Files are visited one after the other, whatever the order asked for. Raises MissingFileError, OSError.
        """
        pixels = np.empty((len(places), self._size, self._size, 3), dtype=np.uint8)
        order = sorted(range(len(places)), key=places.__getitem__)
        rows = pixels.reshape(len(places), self.row_bytes)
        for start in range(0, len(order), HANDLES_MAX):  # so that each file is opened once
            runs = _runs(order[start : start + HANDLES_MAX], places)
            self._announce(runs, places)
            for run in runs:
                first = places[run[0]]
                into = [rows[index].data for index in run]
                got = os.preadv(self._handle(first.digest), into, self._offset(first))
                if got != len(run) * self.row_bytes:
                    raise StateUnavailableError(
                        f"segment {self.path(first.digest)} ends before row {places[run[-1]].position}: restore it, "
                        "or run tidemill verify"
                    )
        return pixels

    def _announce(self, runs: list[list[int]], places: Sequence[Place]) -> None:
        """Tell the kernel what will be read, so that a disk serves it in parallel."""
        for run in runs:
            first = places[run[0]]
            length = len(run) * self.row_bytes
            os.posix_fadvise(self._handle(first.digest), self._offset(first), length, os.POSIX_FADV_WILLNEED)

    def _offset(self, place: Place) -> int:
        return HEADER.size + place.position * self.row_bytes

    def _handle(self, digest: str) -> int:
        handle = self._handles.get(digest)
        if handle is not None:
            self._handles.move_to_end(digest)
            return handle
        try:
            # A string: a Path takes as long to make as the file to open, and replay opens hundreds in a round.
            handle = os.open(f"{self._folder}/{self.file_name(digest)}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise MissingFileError(
                f"segment {self.path(digest)} is gone: restore it, or run tidemill verify"
            ) from error
        self._handles[digest] = handle
        if len(self._handles) > HANDLES_MAX:
            os.close(self._handles.popitem(last=False)[1])
        return handle

    def remove(self, digest: str) -> int:
        """Delete a segment that no row names; return the bytes it had. Safe to repeat."""
        handle = self._handles.pop(digest, None)
        if handle is not None:
            os.close(handle)
        path = self.path(digest)
        if not path.exists():
            return 0
        freed = path.stat().st_size
        path.unlink()
        return freed

    def close(self) -> None:
        """Close every file."""
        while self._handles:
            os.close(self._handles.popitem()[1])


def _runs(order: Sequence[int], places: Sequence[Place]) -> list[list[int]]:
    """Return the indexes cut into runs of rows that follow each other in a file: a window's are read at once."""
    runs: list[list[int]] = []
    for index in order:
        place = places[index]
        if runs and places[runs[-1][-1]] == (place.digest, place.position - 1):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def read_header(file: Path) -> tuple[int, int]:
    """Return (side, rows) of a segment file. Raises ValueError when it is none, or its length is not what it says."""
    with file.open("rb") as source:
        head = source.read(HEADER.size)
    if len(head) != HEADER.size:
        raise ValueError("shorter than a segment's header")
    magic, version, size, rows = HEADER.unpack(head)
    if magic != MAGIC or version != FORMAT:
        raise ValueError("not a segment of this format")
    if file.stat().st_size != HEADER.size + rows * size * size * 3:
        raise ValueError(f"not as long as its {rows} rows")
    return int(size), int(rows)
