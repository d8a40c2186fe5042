"""Batches are unpacked here, within a limit: gzip, snappy, lz4 and zstd, in kafka-python's place.

kafka-python unpacks whatever a batch holds, at whatever size: 150 kB of gzip become gigabytes. It looks its four
functions up by name, in `kafka.record.default_records` (messages of Kafka 0.11 and later) and
`kafka.record.legacy_records` (earlier ones, which wrap a batch in a message); `install` puts these in their places.
Nothing else of the client is changed, and what it writes is packed as before.

A frame is read as any producer may write it: without its content's size, in several frames or members, with a window
longer than the content, with or without checksums.
"""

import functools
import importlib
import zlib
from collections.abc import Callable
from io import BytesIO
from types import ModuleType
from typing import NamedTuple

import kafka.codec
from kafka import errors
from kafka.record import default_records, legacy_records

UNPACKED_MAX_BYTES = 16_777_216
"""16 MiB: a batch is at most 1 MB on its brokers unless they are told otherwise, and pictures hardly shrink."""
_FREE_FACTOR = 2
"""What a batch becomes at most without any limit, as a multiple of its size: so much is no bomb, however large."""

HEADERS_MAX = 10_000
"""Of one record that is larger than `_UNCHECKED_BYTES`."""
_UNCHECKED_BYTES = 65_536
"""A record below this holds 3 MB of headers at worst, and a poll counts them."""

_GZIP_WINDOW_BITS = 31
_XERIAL_MAGIC = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES = 16

Packed = bytes | memoryview


class UnpackError(errors.KafkaError):  # type: ignore[misc] # the client has no types
    """A compressed batch cannot be read here. The message says which codec, and what to do."""


class DamagedBatchError(UnpackError):
    """The packed bytes are not what their codec writes."""


class UnpackLimitError(UnpackError):
    """A batch would become larger than it may."""

    def __init__(self, codec: str, packed: int, limit: int) -> None:
        super().__init__(
            f"a batch of {packed} bytes of {codec} unpacks to more than {limit} bytes; raise kafka.unpack_max_bytes "
            "where that is honest"
        )
        self.codec = codec
        self.packed = packed
        self.limit = limit


class HeaderLimitError(UnpackError):
    """A record has more headers than anyone would write: each of two bytes becomes an object of a hundred."""

    def __init__(self, codec: str, size: int, headers: int) -> None:
        super().__init__(
            f"a batch of {codec} holds a record of {size} bytes with {headers} headers; {HEADERS_MAX} are allowed"
        )


class MissingCodecError(UnpackError, errors.UnsupportedCodecError):  # type: ignore[misc]
    """The package that reads a codec is not installed."""

    def __init__(self, codec: str, package: str) -> None:
        super().__init__(f"a batch is compressed with {codec}: install the Python package {package} beside Tidemill")
        self.codec = codec
        self.package = package


class _Codec(NamedTuple):
    module: str
    package: str


_CODECS = {
    "snappy": _Codec("cramjam", "cramjam"),
    "lz4": _Codec("lz4.frame", "lz4"),
    "zstd": _Codec("zstandard", "zstandard"),
}
"""gzip is Python's own."""


def missing_codecs() -> dict[str, str]:
    """Return the codecs that cannot be read here, each with the package to install. The base install brings all."""
    return {name: codec.package for name, codec in _CODECS.items() if _loaded(name) is None}


class Unpacker:
    """Unpacks batches of every codec. Safe to share among threads."""

    def __init__(self, bytes_max: int = UNPACKED_MAX_BYTES) -> None:
        """`bytes_max`: what a batch may become, or twice its packed size where that is more."""
        if bytes_max < 1:
            raise ValueError(f"bytes_max must be positive, not {bytes_max}")
        self._bytes_max = bytes_max

    def gzip(self, packed: Packed) -> bytes:
        """Unpack one member or several. Raises DamagedBatchError, UnpackLimitError."""
        return self._framed("gzip", packed, lambda: zlib.decompressobj(_GZIP_WINDOW_BITS), zlib.error)

    def lz4(self, packed: Packed) -> bytes:
        """Unpack LZ4's frames. Raises DamagedBatchError, MissingCodecError, UnpackLimitError."""
        return self._framed("lz4", packed, _module("lz4").LZ4FrameDecompressor, RuntimeError)

    def lz4_of_0_8(self, packed: Packed) -> bytes:
        """Unpack what Kafka 0.8 and 0.9 wrote: a frame whose header carries a wrong checksum of itself."""
        if kafka.codec.xxhash is None:
            raise MissingCodecError("lz4 as Kafka 0.8 wrote it", "xxhash")
        head = 14 if packed[4] & 8 else 6
        right = kafka.codec.xxhash.xxh32(bytes(packed[4:head])).digest()[-2:-1]
        return self.lz4(b"".join((packed[:head], right, packed[head + 1 :])))

    def zstd(self, packed: Packed) -> bytes:
        """Unpack zstd's frames. Raises DamagedBatchError, MissingCodecError, UnpackLimitError."""
        zstandard = _module("zstd")
        limit = self._limit(packed)
        reader = zstandard.ZstdDecompressor().stream_reader(BytesIO(packed), read_across_frames=True)
        try:
            unpacked: bytes = reader.read(limit + 1)
        except (zstandard.ZstdError, MemoryError) as error:
            raise _damaged("zstd", packed, error) from error
        return self._checked("zstd", packed, unpacked)

    def snappy(self, packed: Packed) -> bytes:
        """Unpack a block, or xerial's blocks, as Java writes them. Raises as `zstd`.

        A block says first how large it becomes; nothing is reserved for one that says too much.
        """
        cramjam = _module("snappy")
        limit = self._limit(packed)
        blocks, size = [], 0
        for block in _snappy_blocks(packed):
            try:
                size += cramjam.snappy.decompress_raw_len(block)
                if size > limit:
                    raise UnpackLimitError("snappy", len(packed), limit)
                blocks.append(bytes(cramjam.snappy.decompress_raw(block)))
            except (cramjam.DecompressionError, ValueError) as error:
                raise _damaged("snappy", packed, error) from error
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _framed(self, codec: str, packed: Packed, new: Callable[[], object], failure: type[Exception]) -> bytes:
        """Unpack frame after frame, by decompressors that stop at a limit and say when their frame ends."""
        limit = self._limit(packed)
        parts: list[bytes] = []
        left, rest = limit + 1, bytes(packed)
        while rest.rstrip(b"\0") and left > 0:
            decompressor = new()
            try:
                part = decompressor.decompress(rest, left)  # type: ignore[attr-defined] # two libraries, one shape
            except (failure, MemoryError) as error:
                raise _damaged(codec, packed, error) from error
            parts.append(part)
            left -= len(part)
            if left > 0 and not decompressor.eof:  # type: ignore[attr-defined]
                raise _damaged(codec, packed, "it ends within a frame")
            rest = decompressor.unused_data or b""  # type: ignore[attr-defined]
        return self._checked(codec, packed, parts[0] if len(parts) == 1 else b"".join(parts))

    def _limit(self, packed: Packed) -> int:
        return max(self._bytes_max, _FREE_FACTOR * len(packed))

    def _checked(self, codec: str, packed: Packed, unpacked: bytes) -> bytes:
        if len(unpacked) > (limit := self._limit(packed)):
            raise UnpackLimitError(codec, len(packed), limit)
        return unpacked


def install(bytes_max: int) -> None:
    """Let every consumer of this process unpack within `bytes_max`. Called again, the last limit counts."""
    unpacker = Unpacker(bytes_max)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        unpack = getattr(unpacker, codec)
        setattr(legacy_records, f"{codec}_decode", unpack)
        setattr(default_records, f"{codec}_decode", functools.partial(_unpack_records, codec, unpack))
    legacy_records.lz4_decode_old_kafka = unpacker.lz4_of_0_8
    # The client asks first whether it could unpack by itself; ours say better what is missing.
    for name in ("has_snappy", "has_lz4", "has_zstd"):
        setattr(kafka.codec, name, _yes)


def _unpack_records(codec: str, unpack: Callable[[Packed], bytes], packed: Packed) -> bytes:
    """Unpack a batch of the newest format, whose records have headers. Raises HeaderLimitError as well."""
    unpacked = unpack(packed)
    at = 0
    end = len(unpacked)
    while at < end:
        first = unpacked[at]
        if first & 0x81 == 0:  # below 64 bytes: millions of them fit a batch
            at += 1 + (first >> 1)
            continue
        size, start = _varint(unpacked, at)
        if size < 0:
            raise _damaged(codec, packed, "a record of less than no bytes")
        at = start + size
        if size > _UNCHECKED_BYTES:
            headers = _count_headers(unpacked, start)
            if headers > HEADERS_MAX:
                raise HeaderLimitError(codec, size, headers)
    return unpacked


def _count_headers(data: bytes, at: int) -> int:
    """Return what the record whose content begins at `at` says of its headers; cut ones say none."""
    at += 1  # attributes
    for _ in ("timestamp", "offset"):
        _, at = _varint(data, at)
    for _ in ("key", "value"):
        size, at = _varint(data, at)
        at += max(0, size)
    return _varint(data, at)[0]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number and where it ends; 0 beyond the data's end, of which the client says that it is cut."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    return 0, max(at, len(data))


def _yes() -> bool:
    return True


def _snappy_blocks(packed: Packed) -> list[Packed]:
    if bytes(packed[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC:
        return [packed]
    view, blocks = memoryview(packed), []
    at = _XERIAL_HEADER_BYTES
    while at < len(view):
        end = at + 4 + int.from_bytes(view[at : at + 4], "big", signed=True)
        if not at + 4 < end <= len(view):
            raise _damaged("snappy", packed, "a block is longer than the batch")
        blocks.append(view[at + 4 : end])
        at = end
    return list(blocks)


def _damaged(codec: str, packed: Packed, why: object) -> DamagedBatchError:
    return DamagedBatchError(f"a batch of {len(packed)} bytes of {codec} is damaged: {why}")


def _module(codec: str) -> ModuleType:
    module = _loaded(codec)
    if module is None:
        raise MissingCodecError(codec, _CODECS[codec].package)
    return module


def _loaded(codec: str) -> ModuleType | None:
    try:
        return importlib.import_module(_CODECS[codec].module)
    except ImportError:  # absent, or built for another machine
        return None
