"""JPEG's segments up to the first scan: size, components, orientation, and what decoding takes of memory and time."""

import re
from typing import NamedTuple

from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.header import Format, Header, check_sides, undecodable
from model.pictures.jpeg_sampling import is_usual
from model.pictures.jpeg_scans import count_scans
from model.pictures.orientation import exif_orientation, first_told, xmp_orientation

_SEGMENTS_MAX = 2000
"""A colour profile of 10 MB takes 160 segments."""

_SOF_READ = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
"""Baseline, extended, progressive, and the latter two with arithmetic coding."""
_SOF_OTHER = frozenset((0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7))
"""Lossless, hierarchical, JPEG-LS."""
_SOF_PROGRESSIVE = frozenset((0xC2, 0xCA))
_SOF_ARITHMETIC = frozenset((0xC9, 0xCA))
_BLOCK_SIDE = 8
_BLOCK_BYTES = 128
"""64 coefficients of two bytes."""
_PIXEL_BYTES = {1: 1, 3: 4}
_PIXEL_BYTES_MAX = 8
"""Four components are decoded as they are, and then turned into RGB; of unusual factors two pictures are compared."""
_SOS = 0xDA
_APP1 = 0xE1
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xDA)))
"""TEM, restarts, start and end of image: none belongs before the first scan."""
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_FILL = re.compile(rb"\xff+")


class _Frame(NamedTuple):
    """A frame header: the picture's size, and what it says of its components."""

    progressive: bool
    arithmetic: bool
    width: int
    height: int
    components: int
    factors: bytes
    """The sampling factors, a byte for each component: horizontal in its upper half, vertical in its lower."""


def read_header(data: bytes) -> Header:
    """Read from the start of image to the first scan; nothing is decoded, and the cost is bounded.

    Raises RefusedPicture: undecodable for what is broken or cut, unsupported_format for kinds of JPEG that no browser
    shows (lossless, hierarchical, 12 bits a sample).
    """
    frame: _Frame | None = None
    exif: int | None = None
    xmp: int | None = None
    at = 2
    for _ in range(_SEGMENTS_MAX):
        marker, start, end = _segment(data, at)
        if marker == _SOS:
            if frame is None:
                raise undecodable("JPEG with a scan before its frame")
            return check_sides(_header(frame, data, at, data[start : start + 1], first_told(exif, xmp)))
        if marker in _SOF_READ or marker in _SOF_OTHER:
            if frame is not None:
                raise undecodable("JPEG with two frames")
            frame = _frame(marker, data[start:end])
        elif marker == _APP1 and exif is None and data.startswith(_EXIF, start):
            exif = exif_orientation(data[start:end])
        elif marker == _APP1 and xmp is None and data.startswith(_XMP, start):
            xmp = xmp_orientation(data[start:end])
        at = end
    raise undecodable(f"JPEG with more than {_SEGMENTS_MAX} segments before its first scan")


def _segment(data: bytes, at: int) -> tuple[int, int, int]:
    """Return marker, start and end of the content of the segment at `at`."""
    fill = _FILL.match(data, at)
    # Four bytes: the marker, the length, and so at least one before the length's end.
    if fill is None or len(data) < fill.end() + 3:
        raise undecodable("JPEG ends, or is damaged, before its first scan")
    marker = data[fill.end()]
    if marker == 0 or marker in _WITHOUT_LENGTH:
        raise undecodable(f"JPEG with marker {marker:#04x} before its first scan")
    start = fill.end() + 3
    end = fill.end() + 1 + int.from_bytes(data[fill.end() + 1 : start], "big")
    if end < start or end > len(data):
        raise undecodable("JPEG ends, or is damaged, before its first scan")
    return marker, start, end


def _frame(marker: int, content: bytes) -> _Frame:
    if len(content) < 6:
        raise undecodable("JPEG with a damaged frame header")
    if marker in _SOF_OTHER or content[0] != 8:
        raise RefusedPicture(
            Refusal.UNSUPPORTED_FORMAT,
            f"JPEG of kind {marker:#04x} with {content[0]} bits; 8 bits, baseline or progressive",
        )
    components = content[5]
    factors = content[7 : 6 + 3 * components : 3]
    if len(factors) != components or not components:
        raise undecodable("JPEG with a damaged frame header")
    height, width = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
    return _Frame(marker in _SOF_PROGRESSIVE, marker in _SOF_ARITHMETIC, width, height, components, factors)


def _header(frame: _Frame, data: bytes, at: int, in_scan: bytes, orientation: int) -> Header:
    """Return what is known at the first scan, which stands at `at` and brings `in_scan` of the components."""
    components = frame.components
    # Of one scan with all components nothing needs to be kept, and most pictures are such. Whatever follows it is not
    # looked for, for no decoder reads a second one there: libjpeg expects the end and refuses anything else.
    in_pieces = frame.progressive or in_scan < bytes((components,))
    held = _coefficient_bytes(frame) if in_pieces else 0
    pixel_bytes = _PIXEL_BYTES.get(components, _PIXEL_BYTES_MAX) if is_usual(frame.factors) else _PIXEL_BYTES_MAX
    return Header(
        Format.JPEG,
        frame.width,
        frame.height,
        components == 1,
        orientation,
        pixel_bytes,
        held,
        count_scans(data, at) if in_pieces else 1,
        frame.factors,
        at,
        frame.arithmetic,
    )


def _coefficient_bytes(frame: _Frame) -> int:
    """Return what is held of all components, where not one scan brings all of them whole."""
    factors = [(byte >> 4, byte & 15) for byte in frame.factors]
    if not all(across and down for across, down in factors):
        raise undecodable("JPEG with a damaged frame header")
    units_across = -(-frame.width // (_BLOCK_SIDE * max(across for across, _ in factors)))
    units_down = -(-frame.height // (_BLOCK_SIDE * max(down for _, down in factors)))
    return units_across * units_down * _BLOCK_BYTES * sum(across * down for across, down in factors)
