"""What follows a JPEG's first scan, up to the end of the picture: further scans, and where they end."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from model.pictures.errors import RefusedPicture
from model.pictures.header import undecodable

_SCANS_MAX = 100
"""Encoders write about ten. Every scan of a progressive picture goes over all of its coefficients, so that a small file
with thousands of scans would hold a decoder for minutes."""
_SEGMENTS_MAX = 4000
_SOS = 0xDA
_ENDS = frozenset((0xD8, 0xD9))
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""In a scan 0xff is followed by 0, or is a restart's; before a marker it may be repeated."""


class Segment(NamedTuple):
    """A marker, where its 0xff stands, and where what belongs to it ends."""

    marker: int
    at: int
    end: int


def segments_from(data: bytes, scan_at: int) -> Iterator[Segment]:
    """Yield the segments from the first scan's on, as a decoder meets them, the end of image last.

    They stop where the file is cut or damaged. Raises RefusedPicture (undecodable) where there are thousands.
    """
    at = scan_at
    for _ in range(_SEGMENTS_MAX):
        found = _MARKER.search(data, at)
        if found is None:
            return
        marker, begin = data[found.end() - 1], found.end()
        if marker in _ENDS:
            yield Segment(marker, found.start(), begin)
            return
        length = int.from_bytes(data[begin : begin + 2], "big")
        if length < 2 or begin + length > len(data):
            return
        at = begin + length
        yield Segment(marker, found.start(), at)
    raise _too_many_segments()


def count_scans(data: bytes, scan_at: int) -> int:
    """Return how many scans the picture has, the first one included. What stands behind its end is none of them.

    Raises RefusedPicture (undecodable) for more than 100.
    """
    scans = 0
    for segment in segments_from(data, scan_at):
        scans += segment.marker == _SOS
        if scans > _SCANS_MAX:
            raise undecodable(f"JPEG with more than {_SCANS_MAX} scans")
    return max(scans, 1)


def _too_many_segments() -> RefusedPicture:
    return undecodable(f"JPEG with more than {_SEGMENTS_MAX} segments behind its first scan")
