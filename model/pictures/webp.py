"""WebP's chunks: size and orientation. See the container's specification, RFC 9649."""

import struct

from model.pictures.header import Format, Header, check_sides, undecodable
from model.pictures.orientation import exif_orientation, first_told, xmp_orientation

_CHUNKS_MAX = 10_000
_PIXEL_BYTES = 12
"""The decoder keeps two canvases of four bytes a pixel, however small the picture on them, and gives out a third."""


def read_header(data: bytes) -> Header:
    """Read the canvas of VP8, VP8L or VP8X. Raises RefusedPicture (undecodable)."""
    if len(data) < 30:
        raise undecodable("WebP ends within its header")
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    else:
        raise undecodable("WebP with a damaged header")
    return check_sides(Header(Format.WEBP, width, height, pixel_bytes=_PIXEL_BYTES))


def find_orientation(data: bytes) -> int:
    """Return the orientation, 1 to 8, of EXIF, else of XMP; 1 where there is none."""
    if data[12:16] != b"VP8X":
        return 1
    exif: int | None = None
    xmp: int | None = None
    at = 12
    for _ in range(_CHUNKS_MAX):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF" and exif is None:
            exif = exif_orientation(data[at + 8 : at + 8 + length])
        elif kind == b"XMP " and xmp is None:
            xmp = xmp_orientation(data[at + 8 : at + 8 + length])
        # Chunks are padded to even lengths.
        at += 8 + length + length % 2
    return first_told(exif, xmp)
