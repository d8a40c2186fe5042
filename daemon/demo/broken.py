"""Records that no ingestor can make a sample of: one of each kind that producers send by mistake."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from PIL import Image

from streaming.records import Reason

Headers = tuple[tuple[str, bytes], ...]
LABELLED: Headers = (("ce_label", b"3"),)


@dataclass(frozen=True, slots=True)
class Broken:
    """A record's value and its headers, and why it must become a dead letter."""

    what: str
    reason: Reason
    value: bytes
    headers: Headers = LABELLED


def broken_records(png: bytes, pixels_bytes_max: int) -> Iterator[Broken]:
    """Yield broken records without end, each kind in turn.

    `png` is a good picture to spoil; `pixels_bytes_max` is the limit (image.max_bytes) that one of them exceeds.
    """
    kinds = _kinds(png, pixels_bytes_max)
    for number in count():
        yield kinds[number % len(kinds)]


def _kinds(png: bytes, bytes_max: int) -> tuple[Broken, ...]:
    structured = (("content-type", b"application/cloudevents+json"),)
    return (
        Broken("no label", Reason.MISSING_LABEL, png, ()),
        Broken("truncated PNG", Reason.UNDECODABLE, png[: len(png) - 20]),
        Broken("text", Reason.NOT_AN_IMAGE, b"see attachment"),
        Broken("GIF", Reason.UNSUPPORTED_FORMAT, _gif()),
        Broken("nothing at all", Reason.EMPTY, b""),
        Broken("label with a line break", Reason.INVALID_LABEL, png, (("ce_label", b"3\n4"),)),
        Broken("PNG of 40,000 x 40,000", Reason.TOO_MANY_PIXELS, _huge_png()),
        Broken("half of a JSON event", Reason.MALFORMED_EVENT, b'{"specversion": "1.0", "data_ba', structured),
        Broken("too many bytes", Reason.TOO_LARGE, png + bytes(bytes_max)),
    )


def _gif() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(file, "GIF")
    return file.getvalue()


def _huge_png() -> bytes:
    """Return a file of a few bytes whose header claims 1.6 billion pixels."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
