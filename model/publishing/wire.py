"""The little of the protobuf wire format that publication needs: read and write fields, without onnx.

Source: protobuf.dev, "Encoding". An ONNX file is one ModelProto; its tensors' bytes lie in it as they are, so they can
be written, found and compared in place, which costs a copy where parsing and serialising cost seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from model.publishing.errors import BrokenRepositoryError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
BYTES_MAX = 2_147_483_647
"""protobuf refuses a message of 2 GiB or more."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, and where its value lies: [start, end). A varint's value is `value`."""

    number: int
    kind: int
    start: int
    end: int
    value: int = 0


def read_varint(data: bytes | memoryview, at: int, end: int) -> tuple[int, int]:
    """Return the number at data[at:end] and where it ends. Raises BrokenRepositoryError."""
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise BrokenRepositoryError("not a protobuf message: a number runs past its end")


def fields(data: bytes | memoryview, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message that lies in data[start:end]. Raises BrokenRepositoryError if it is none."""
    at = start
    while at < end:
        key, at = read_varint(data, at, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise BrokenRepositoryError(f"not a protobuf message: field 0 at byte {at}")
        if kind == VARINT:
            begin = at
            value, at = read_varint(data, at, end)
            yield Field(number, kind, begin, at, value)
            continue
        if kind == BYTES:
            length, at = read_varint(data, at, end)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise BrokenRepositoryError(f"not a protobuf message: wire type {kind} at byte {at}")
        if at + length > end:
            raise BrokenRepositoryError(f"not a protobuf message: field {number} at byte {at} runs past its end")
        yield Field(number, kind, at, at + length)
        at += length


def encode_varint(value: int) -> bytes:
    """Return a number >= 0 as a varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_number(number: int, value: int) -> bytes:
    """Return the field `number` holding a number >= 0."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value)


def encode_header(number: int, length: int) -> bytes:
    """Return what stands before the `length` bytes of the field `number`."""
    return encode_varint(number << 3 | BYTES) + encode_varint(length)


def encode_bytes(number: int, value: bytes) -> bytes:
    """Return the field `number` holding bytes, text or a message."""
    return encode_header(number, len(value)) + value
