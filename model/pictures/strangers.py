"""What bytes are that are no image: said in one sentence, with what to send instead.

It goes by the first bytes, the length and the last byte, and reads nothing else. It is a hint for people: where two
things look alike the likelier one is named.
"""

import re
from collections.abc import Callable
from math import isqrt

from model.pictures.text_strangers import describe_text

FILE = "send the bytes of a JPEG, PNG or WebP file as the record's value"
_PREFIX = "a schema registry's serializer wrote it; send the image with a plain bytes serializer"
_PACKED = "send the image itself; the producer's compression.type packs records"
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x93NUMPY", "a NumPy .npy array", "encode the picture as PNG and send that"),
    (b"%PDF-", "a PDF", "send each picture as JPEG, PNG or WebP"),
    (b"\x1f\x8b", "gzip data", _PACKED),
    (b"\x28\xb5\x2f\xfd", "Zstandard data", _PACKED),
    (b"\x04\x22\x4d\x18", "LZ4 data", _PACKED),
    (b"BZh", "bzip2 data", _PACKED),
    (b"\xfd7zXZ\0", "xz data", _PACKED),
    (b"\x82SNAPPY\0", "Snappy data", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "send each picture in a record of its own"),
    (b"Rar!\x1a\x07", "a RAR archive", "send each picture in a record of its own"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "send each picture in a record of its own, as JPEG, PNG or WebP"),
    (b"PAR1", "a Parquet file", "send each picture in a record of its own, as JPEG, PNG or WebP"),
    (b"ARROW1", "an Arrow file", "send each picture in a record of its own, as JPEG, PNG or WebP"),
    (b"Obj\x01", "an Avro container file", "send each picture in a record of its own, as JPEG, PNG or WebP"),
    (b"\xac\xed\0\x05", "a serialized Java object", FILE),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video", "send single frames as JPEG"),
    (b"\0\0\x01\xba", "an MPEG video", "send single frames as JPEG"),
    (b"\0\0\x01\xb3", "an MPEG video", "send single frames as JPEG"),
    (b"\0\0\0\x01\x67", "an H.264 video stream", "send single frames as JPEG"),
    (b"SIMPLE  =", "a FITS file", "convert it to PNG"),
    (b"\x5c\x01\0\0", "a NIfTI volume", "send single slices as PNG"),
    (b"n+1\0", "a NIfTI volume", "send single slices as PNG"),
    (b"SQLite format 3\0", "an SQLite database", FILE),
    (b"\xd0\xcf\x11\xe0", "an Office document", FILE),
    (b"\x7fELF", "a program", FILE),
    (b"fLaC", "audio", FILE),
    (b"OggS", "audio", FILE),
    (b"ID3", "audio", FILE),
)
_IMAGE_STARTS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_BEFORE_BYTES_MAX = 1_024
"""How much may stand before an image that is found within."""
_MANGLED = (b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", b"\xef\xbf\xbdPNG", b"\xc3\xbf\xc3\x98\xc3\xbf", b"\xc2\x89PNG")
_SIDE_MIN = 8
_CHANNELS = ((3, "RGB"), (1, "grey"), (4, "RGBA"))
_RECTANGLES = frozenset(
    width * height
    for width, height in (
        *((320, 240), (352, 288), (640, 360), (640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 1024)),
        *((1600, 1200), (1920, 1080), (1920, 1200), (2048, 1536), (2592, 1944), (3840, 2160), (4096, 2160)),
    )
)


def describe(data: bytes) -> str:
    """Return what `data`, which no image format begins like, is or may be, and what to send instead."""
    for look in _LOOKS:
        told = look(data)
        if told is not None:
            return told
    return f"no image format begins with {data[:8]!r}: {FILE}"


def _file(data: bytes) -> str | None:
    for start, what, instead in _STARTS:
        if data.startswith(start):
            return f"this is {what}: {instead}"
    return None


def _container(data: bytes) -> str | None:
    if data[128:132] == b"DICM":
        return "this is DICOM: export the picture as PNG or JPEG and send that"
    if data.startswith(b"PK\x03\x04"):
        numpy = b".npy" in data[:_BEFORE_BYTES_MAX]
        return f"this is {'a NumPy .npz archive' if numpy else 'a ZIP archive'}: send each picture as an image file"
    if data[4:8] == b"ftyp":
        return "this is an MP4 or QuickTime video: send single frames as JPEG"
    if data.startswith(b"RIFF") and data[8:12] in (b"AVI ", b"WAVE"):
        return "this is an AVI video or WAVE sound: send single frames as JPEG"
    if data[257:262] == b"ustar":
        return "this is a tar archive: send each picture in a record of its own"
    return None


def _pickle(data: bytes) -> str | None:
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and data.endswith(b"."):
        return "this is a Python pickle, which is never opened: encode the picture as PNG and send that"
    return None


def _mangled(data: bytes) -> str | None:
    """JPEG or PNG that went through text: each byte above 127 became a replacement character, or two bytes."""
    if data.startswith(_MANGLED):
        return "this is an image that was turned into text and back: give the producer a bytes serializer, not a string"
    return None


def _wrapped(data: bytes) -> str | None:
    found = _IMAGE_STARTS.search(data, 0, _BEFORE_BYTES_MAX)
    if found is None:
        return None
    begins = f"an image begins at byte {found.start()}"
    if _has_schema_prefix(data):
        return f"this is an image behind a schema registry's prefix (schema {_schema(data)}; {begins}): {_PREFIX}"
    return f"this is an image inside of something else, as Avro or Protobuf wrap it ({begins}): {FILE}"


def _pixels(data: bytes) -> str | None:
    for channels, mode in _CHANNELS:
        pixels, rest = divmod(len(data), channels)
        side = isqrt(pixels)
        square = side * side == pixels and side >= _SIDE_MIN
        if not rest and (square or pixels in _RECTANGLES):
            many = f"{side} x {side}" if square else str(pixels)
            return f"this may be raw pixels ({many} of {mode}): encode the picture as PNG and send that"
    return None


def _registry(data: bytes) -> str | None:
    if _has_schema_prefix(data):
        return f"this begins with a schema registry's prefix (magic byte 0, schema {_schema(data)}): {_PREFIX}"
    return None


def _has_schema_prefix(data: bytes) -> bool:
    # Ids count up from 1, or from 100,000 in the hosted one: the highest byte is 0 for the first 16 million schemas.
    return len(data) > 5 and data[:2] == b"\0\0" and _schema(data) > 0


def _schema(data: bytes) -> int:
    return int.from_bytes(data[1:5], "big")


_LOOKS: tuple[Callable[[bytes], str | None], ...] = (
    _file,
    _container,
    _pickle,
    _mangled,
    describe_text,
    _wrapped,
    _pixels,
    _registry,
)
