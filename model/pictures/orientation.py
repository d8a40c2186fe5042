"""How a picture must be turned to stand upright: what EXIF says, and where it says nothing, what XMP says."""

import re
import struct

_ORIENTATION = 0x0112
_SHORT = 3
_LONG = 4
_ENTRIES_MAX = 1000
_PREFIX = b"Exif\0\0"
_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([0-9])")
"""An attribute, or an element."""


def first_told(*told: int | None) -> int:
    """Return the first orientation that is told; 1, upright, where none is."""
    return next((orientation for orientation in told if orientation is not None), 1)


def exif_orientation(exif: bytes) -> int | None:
    """Return the orientation, 1 to 8, of a TIFF block (with or without the `Exif` prefix of JPEG).

    None where it has none, or is broken: bad metadata is no reason to lose a picture. 1 where the value is none of the
    eight.
    """
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        return _find(tiff, order)
    except struct.error:
        return None


def xmp_orientation(xmp: bytes) -> int | None:
    """Return the orientation, 1 to 8, of an XMP packet; None where it has none, 1 where it is none of the eight."""
    found = _XMP.search(xmp)
    return None if found is None else _valid(int(found[1]))


def _find(tiff: bytes, order: str) -> int | None:
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, directory)
    for index in range(min(entries, _ENTRIES_MAX)):
        at = directory + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", tiff, at)
        if tag == _ORIENTATION:
            # A SHORT stands left in the four bytes of the value, whatever the byte order.
            if kind not in (_SHORT, _LONG):
                return 1
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), tiff, at + 8)
            return _valid(value)
    return None


def _valid(value: int) -> int:
    return value if 1 <= value <= 8 else 1
