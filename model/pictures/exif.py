"""The one thing of EXIF that changes what a person sees: the orientation."""

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_LONG = 4
_ENTRIES_MAX = 1000
_PREFIX = b"Exif\0\0"


def read_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, of a TIFF block (with or without the `Exif` prefix of JPEG).

    1, upright, for whatever is absent or broken: bad metadata is no reason to lose a picture.
    """
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        return _find(tiff, order)
    except struct.error:
        return 1


def _find(tiff: bytes, order: str) -> int:
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
            return value if 1 <= value <= 8 else 1
    return 1
