"""PNG's chunks: size, orientation, and the chunks that the pixels need."""

import struct
import zlib
from typing import NamedTuple

from model.pictures.header import Format, Header, check_sides, undecodable
from model.pictures.orientation import exif_orientation, first_told
from model.pictures.png_texts import KINDS, Texts

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_PIXEL_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_CHUNKS_MAX = 100_000
"""10 MB in chunks of 100 bytes; encoders write chunks of 8 kB and more."""
_GREY, _RGB, _PALETTE = 0, 2, 3
_WITH_OPACITY = frozenset((4, 6))
_PIXEL_BYTES_WITH_OPACITY = 8
_PIXEL_BYTES_KEYED_RGB16 = 14
_ANCILLARY = 0x20
"""The bit of the first letter that says: a decoder may skip this chunk."""


class Pixels(NamedTuple):
    """A PNG reduced to what makes its pixels."""

    data: bytes
    """A whole PNG of IHDR, PLTE, tRNS, IDAT and IEND alone."""
    bits: int
    """Per sample: 1, 2, 4, 8 or 16."""
    orientation: int
    """1 to 8: what `eXIf` says, else a text with EXIF, else one with XMP."""


def read_header(data: bytes) -> Header:
    """Read IHDR, which is always first. Raises RefusedPicture (undecodable)."""
    if len(data) < 33 or not data.startswith(SIGNATURE) or data[8:16] != b"\0\0\0\rIHDR":
        raise undecodable("PNG ends, or is damaged, before its first chunk does")
    width, height = struct.unpack_from(">II", data, 16)
    # A transparent colour or palette stands before the pixels; the same letters in a text only make us careful.
    keyed = data.find(b"tRNS", 33, data.find(b"IDAT")) > 0
    return check_sides(Header(Format.PNG, width, height, pixel_bytes=_pixel_bytes(data[24], data[25], keyed=keyed)))


def _pixel_bytes(bits: int, colour: int, *, keyed: bool) -> int:
    """Return what Pillow and `plain_mode` hold for a pixel: RGB takes four bytes, and opacity is weighed in a copy."""
    if keyed and colour == _RGB and bits == 16:
        return _PIXEL_BYTES_KEYED_RGB16
    if keyed or colour in _WITH_OPACITY:
        return _PIXEL_BYTES_WITH_OPACITY
    if colour == _GREY:
        return {1: 2, 16: 4}.get(bits, 1)
    return 5 if colour == _PALETTE else 4


def reduce(data: bytes) -> Pixels:
    """Check every chunk's checksum up to IEND, and keep the chunks that the pixels need.

    The rest never reaches a decoder: compressed texts and colour profiles can unfold to a thousand times their size,
    and of an animation the still picture is wanted. Raises RefusedPicture (undecodable) for what is cut or damaged.
    """
    view = memoryview(data)
    kept = [view[:8]]
    exif: int | None = None
    texts = Texts()
    at = 8
    for index in range(_CHUNKS_MAX):
        kind, end = _chunk(data, view, at)
        if (kind == b"IHDR") != (index == 0):
            raise undecodable("PNG without IHDR as its first chunk alone")
        if kind in _PIXEL_CHUNKS:
            kept.append(view[at:end])
        elif kind == b"eXIf":
            exif = exif_orientation(data[at + 8 : end - 4]) if exif is None else exif
        elif kind in KINDS:
            texts.add(kind, data[at + 8 : end - 4])
        elif not kind[0] & _ANCILLARY:
            raise undecodable(f"PNG with an unknown critical chunk {kind!r}")
        if kind == b"IEND":
            return Pixels(b"".join(kept), data[24], first_told(exif, texts.exif, texts.xmp))
        at = end
    raise undecodable(f"PNG with more than {_CHUNKS_MAX} chunks")


def _chunk(data: bytes, view: memoryview, at: int) -> tuple[bytes, int]:
    """Return kind and end of the chunk at `at`."""
    if at + 12 > len(data):
        raise undecodable("PNG ends before its last chunk")
    length, kind = struct.unpack_from(">I4s", data, at)
    end = at + 12 + length
    if end > len(data):
        raise undecodable("PNG ends before its last chunk")
    if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
        raise undecodable(f"PNG with a damaged chunk {kind!r}")
    return kind, end
