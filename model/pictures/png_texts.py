"""The orientation that a PNG's texts bring: EXIF and XMP, as tools wrote them before there was a chunk for them."""

import binascii
import zlib

from model.pictures.orientation import exif_orientation, xmp_orientation

_TEXT_BYTES_MAX = 1_000_000
"""What is unfolded of one text: a few kilobytes of a file can become gigabytes."""
_TEXTS_MAX = 8
_RAW = b"Raw profile type "
_EXIF_KEYWORDS = (_RAW + b"exif", _RAW + b"APP1")
_XMP_KEYWORDS = (b"XML:com.adobe.xmp", _RAW + b"xmp")
KINDS = frozenset((b"tEXt", b"zTXt", b"iTXt"))


class Texts:
    """Gathers what the text chunks of one file say of its orientation."""

    def __init__(self) -> None:
        self.exif: int | None = None
        self.xmp: int | None = None
        self._left = _TEXTS_MAX

    def add(self, kind: bytes, content: bytes) -> None:
        """Read one chunk of KINDS. What is broken is passed over, and all but the first eight that may tell it."""
        keyword, _, _ = content[:100].partition(b"\0")
        if keyword not in (*_EXIF_KEYWORDS, *_XMP_KEYWORDS) or not self._left:
            return
        self._left -= 1
        try:
            text = _text(kind, content[len(keyword) + 1 :])
            text = _unpacked(text) if keyword.startswith(_RAW) else text
        except (zlib.error, binascii.Error, ValueError):
            return
        if keyword in _EXIF_KEYWORDS:
            self.exif = exif_orientation(text) if self.exif is None else self.exif
        elif self.xmp is None:
            self.xmp = xmp_orientation(text)


def _text(kind: bytes, content: bytes) -> bytes:
    if kind == b"tEXt":
        return content[:_TEXT_BYTES_MAX]
    if kind == b"zTXt":
        return _inflate(content[1:])
    compressed, rest = content[:1] == b"\1", content[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, text = rest.partition(b"\0")
    return _inflate(text) if compressed else text[:_TEXT_BYTES_MAX]


def _inflate(content: bytes) -> bytes:
    return zlib.decompressobj().decompress(content, _TEXT_BYTES_MAX)


def _unpacked(text: bytes) -> bytes:
    """Return the bytes of a raw profile: a line with its name, one with its length, then hexadecimal digits."""
    lines = text.split(b"\n")
    return binascii.unhexlify(b"".join(b"".join(lines[3:]).split()))
