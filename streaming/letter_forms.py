"""What of a dead letter goes to its topic: all of it where that is taken, else less, with what is missing said.

In this order: as it came; without its value; with its key clipped and such headers as there is room for; with our own
headers alone. What is missing leaves its size and its sha256.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kafka.record.default_records import DefaultRecordBatchBuilder

Header = tuple[str, bytes | None]

KEPT_BYTES = (65_536, 8_192, 1_024, 128)
"""How much of key and of headers, each, is kept where they are clipped: the most that is taken."""
LEFT_OUT_TOLD = 8
"""Of so many headers that are left out each is told; of the others only that there were more."""
MESSAGE_BYTES_MAX = 200
"""What stays of our own message where even that is much."""
_NAME_CHARS_TOLD = 64
_GZIP_EXCESS = 1.001
"""What does not get smaller is sent as it is, so that nothing grows; for a broker that packs it anew."""
_GZIP = 1
_FIRST_NAMES = ("ce_label", "label", "ce_id", "id", "ce_source", "ce_time", "content-type")
"""Headers that say what a record is come first where there is not room for all."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is sent of a letter."""

    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def plain_bytes(self) -> int:
        """The size of the batch that this makes before it is compressed, or a little more."""
        return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(self.key, self.value, self.headers))

    def fits(self, bytes_max: int) -> bool:
        """Return whether the compressed batch has at most `bytes_max` bytes. Compresses it only where that decides."""
        if self.plain_bytes * _GZIP_EXCESS <= bytes_max:
            return True
        batch = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=_GZIP,
            is_transactional=False,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=0,
        )
        # The largest timestamp takes as much room as any.
        batch.append(0, 2**62, self.key, self.value, self.headers)
        return len(batch.build()) <= bytes_max


def forms(key: bytes | None, value: bytes | None, theirs: Sequence[Header], ours: Sequence[Header]) -> Iterator[Form]:
    """Yield what may be sent of a letter, from all of it to the least. `ours`, which say what is wrong, always go."""
    yield Form(key, value, (*theirs, *ours))
    missing = [] if value is None else _stands_for("value", value)
    if value is not None:
        yield Form(key, None, (*theirs, *ours, *missing))
    for kept in KEPT_BYTES:
        if _fits_in(key, theirs, kept):
            continue
        headers = [*_clipped(theirs, kept, ours), *missing]
        if key is not None and len(key) > kept:
            yield Form(key[:kept], None, (*headers, *_stands_for("key", key)))
        else:
            yield Form(key, None, tuple(headers))
    if key is not None:
        missing = [*missing, *_stands_for("key", key)]
    if theirs:
        missing = [*missing, *_stands_for("headers", packed(theirs)), ("tidemill.headers_count", _text(len(theirs)))]
    yield Form(None, None, (*ours, *missing))
    short = [(name, value[:MESSAGE_BYTES_MAX] if value else value) for name, value in ours]
    yield Form(None, None, (*short, *missing))


def packed(headers: Sequence[Header]) -> bytes:
    """Return headers as one string of bytes, of which `tidemill.headers_sha256` is the digest.

    For each, in order: the length of its name in 4 bytes (big-endian), the name, the length of its value in 4 bytes
    (ff ff ff ff for null), the value.
    """
    parts = []
    for name, value in headers:
        encoded = name.encode("utf-8", "surrogatepass")
        parts += [len(encoded).to_bytes(4, "big"), encoded]
        parts += [b"\xff\xff\xff\xff"] if value is None else [len(value).to_bytes(4, "big"), value]
    return b"".join(parts)


def header_bytes(headers: Sequence[Header]) -> int:
    """Return how many bytes names and values have."""
    return sum(len(name) + len(value or b"") for name, value in headers)


def _fits_in(key: bytes | None, headers: Sequence[Header], kept: int) -> bool:
    return len(key or b"") <= kept and header_bytes(headers) <= kept


def _clipped(theirs: Sequence[Header], kept: int, ours: Sequence[Header]) -> list[Header]:
    """Return the headers, whole and in their order, that there is room for, then ours, then what says which are not."""
    if header_bytes(theirs) <= kept:
        return [*theirs, *ours]
    by_need = sorted(range(len(theirs)), key=lambda at: (theirs[at][0].lower() not in _FIRST_NAMES, at))
    room, stays = kept, set()
    for at in by_need:
        size = header_bytes([theirs[at]])
        if size <= room:
            stays.add(at)
            room -= size
    left_out = [header for at, header in enumerate(theirs) if at not in stays]
    told = [
        {"name": name[:_NAME_CHARS_TOLD], "bytes": len(value or b""), "sha256": _sha256(value or b"")}
        for name, value in left_out[: min(LEFT_OUT_TOLD, kept // _NAME_CHARS_TOLD // 2)]
    ]
    return [
        *(header for at, header in enumerate(theirs) if at in stays),
        *ours,
        *_stands_for("headers", packed(theirs)),
        ("tidemill.headers_count", _text(len(theirs))),
        ("tidemill.headers_left_out", json.dumps({"count": len(left_out), "first": told}).encode()),
    ]


def _stands_for(what: str, data: bytes) -> list[Header]:
    return [(f"tidemill.{what}_bytes", _text(len(data))), (f"tidemill.{what}_sha256", _sha256(data).encode())]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(number: int) -> bytes:
    return str(number).encode()
