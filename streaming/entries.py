"""An entry of the buffer as fields of a Redis stream, and back. Strict: what it does not know, it refuses.

Field names are the same in the same order for every sample, so that the stream's blocks store them once.
"""

import re
from collections.abc import Mapping, Sequence

from streaming.buffer import BATCH_ENTRIES_MAX, BATCH_PIXEL_BYTES_MAX
from streaming.records import Entry, Marker, Reason, Sample

OFFSET_MAX = 2**63 - 2
_INTEGER = re.compile(rb"-?(0|[1-9][0-9]{0,18})")
_ID = re.compile(rb"(0|[1-9][0-9]{0,18})-0")
_COMMON_FIELDS = (b"after", b"expired", b"at")
SAMPLE_FIELDS = (*_COMMON_FIELDS, b"label", b"id", b"source", b"time", b"pixels")
MARKER_FIELDS = (*_COMMON_FIELDS, b"reason")
UNCOUNTED = frozenset({Reason.TOMBSTONE, Reason.UNREADABLE})
"""Reasons that say nothing against a producer, and so count for no brake."""


class CorruptEntryError(ValueError):
    """A stream holds what no ingestor of ours wrote. Someone else writes to the job's keys."""


def stream_id(position: int) -> str:
    """Return the stream id of a position: the entry of offset o has the id of position o+1."""
    return f"{position}-0"


def position_of(stream_id: bytes) -> int:
    """Return the position that a stream's last id means. Raises CorruptEntryError."""
    match = _ID.fullmatch(stream_id)
    if match is None:
        raise CorruptEntryError(f"no ingestor writes an id like {stream_id!r}")
    return int(match[1])


def to_fields(entry: Entry) -> list[bytes | int | str]:
    """Return the entry's field names and values in turn, as XADD takes them."""
    values: list[bytes | int | str] = [entry.after, entry.expired, entry.buffered_ms]
    names: tuple[bytes, ...] = MARKER_FIELDS
    if isinstance(entry, Marker):
        values += [entry.reason.value]
    else:
        names = SAMPLE_FIELDS
        values += [entry.label, entry.sample_id, entry.source, entry.event_time_ms, entry.pixels]
    items: list[bytes | int | str] = []
    for pair in zip(names, values, strict=True):
        items += pair
    return items


def outcome_of(entry: Entry) -> str:
    """Return what becomes of an entry for a brake: `.` a sample, `x` a dead letter, `t` one that no brake counts."""
    if isinstance(entry, Marker):
        return "t" if entry.reason in UNCOUNTED else "x"
    return "."


def from_fields(stream_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """Return the entry with this id and these fields. Raises CorruptEntryError."""
    offset = position_of(stream_id) - 1
    names = tuple(fields)
    try:
        common = (offset, _number(fields[b"after"]), _number(fields[b"expired"]), _number(fields[b"at"]))
        if names == MARKER_FIELDS:
            return Marker(*common, Reason(fields[b"reason"].decode()))
        if names == SAMPLE_FIELDS:
            label, sample_id, source = (fields[name].decode() for name in (b"label", b"id", b"source"))
            return Sample(*common, label, sample_id, source, _number(fields[b"time"]), fields[b"pixels"])
    except (KeyError, ValueError) as error:
        raise CorruptEntryError(f"entry {stream_id!r}: {error}") from error
    raise CorruptEntryError(f"entry {stream_id!r} has the fields {names}")


def check_batch(expected: int, entries: Sequence[Entry]) -> None:
    """Raise ValueError unless the batch may be appended to a stream whose last id is `expected`."""
    if not 0 < len(entries) <= BATCH_ENTRIES_MAX:
        raise ValueError(f"a batch has 1 to {BATCH_ENTRIES_MAX} entries, not {len(entries)}")
    position = expected
    for entry in entries:
        if not position <= entry.offset <= OFFSET_MAX:
            raise ValueError(f"offset {entry.offset} does not follow position {position}")
        position = entry.offset + 1
    pixel_bytes = sum(len(entry.pixels) for entry in entries if isinstance(entry, Sample))
    if len(entries) > 1 and pixel_bytes > BATCH_PIXEL_BYTES_MAX:
        raise ValueError(f"a batch holds at most {BATCH_PIXEL_BYTES_MAX} bytes of pixels, not {pixel_bytes}")


def _number(value: bytes) -> int:
    if _INTEGER.fullmatch(value) is None:
        raise ValueError(f"not a number: {value!r}")
    return int(value)
