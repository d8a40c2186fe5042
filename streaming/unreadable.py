"""Batches of records that the client cannot read: which one it is, and what stands in for its records.

kafka-python stops at such a batch and does not say where it is. So the bytes are fetched once more and read batch by
batch with the client's own classes.
"""

import hashlib
import struct
from collections.abc import Iterator

from kafka import errors
from kafka.record import MemoryRecords

from streaming.kafka_fetch import KafkaFetch
from streaming.records import Record
from streaming.source import Partition, Unreadable

_HEAD = struct.Struct(">qi")
"""What stands before each batch: its first offset, and how many bytes follow."""


def first_unreadable(data: bytes, offset: int, end: int) -> Unreadable | None:
    """Return the first batch in a broker's answer whose records from `offset` on cannot be read; None: all can.

    `data` begins with the batch that holds `offset`; a piece of a batch at its end is left out. `end` is the log's end.
    """
    batches = list(_batches(data))
    for number, (base, raw) in enumerate(batches):
        reading = _Reading(offset)
        try:
            reading.read(raw)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - each codec has errors of its own, and none of them is a fault of ours
            behind = batches[number + 1][0] if number + 1 < len(batches) else None
            first = max(reading.next, base)
            return Unreadable(
                first=first,
                last=_last_offset(raw, first, behind, end),
                why=str(error) if isinstance(error, errors.KafkaError) else f"{type(error).__name__}: {error}",
                size=len(raw),
                sha256=hashlib.sha256(raw).hexdigest(),
                curable=isinstance(error, errors.UnsupportedCodecError),
            )
    return None


def unreadable_at(fetch: KafkaFetch, partition: Partition, offset: int) -> Unreadable | None:
    """Fetch what lies at `offset` and return the first of it that cannot be read; None: all can.

    Raises KafkaUnavailableError, KafkaRefusedError.
    """
    fetched = fetch.fetch(partition, offset)
    if fetched.error:
        return Unreadable(offset, None, f"the broker answers {fetched.error}")
    return first_unreadable(fetched.records, offset, fetched.end)


def stand_ins(partition: Partition, batch: Unreadable, start: int, end: int) -> list[Record]:
    """Return a record for each offset from `start` to below `end`, which says what could not be read."""
    headers = [("tidemill.batch_first_offset", str(batch.first).encode())]
    if batch.last is not None:
        headers.append(("tidemill.batch_last_offset", str(batch.last).encode()))
    if batch.sha256:
        headers.append(("tidemill.batch_bytes", str(batch.size).encode()))
        headers.append(("tidemill.batch_sha256", batch.sha256.encode()))
    return [
        Record(*partition, offset, -1, None, None, tuple(headers), unreadable=batch.why) for offset in range(start, end)
    ]


class _Reading:
    """Reads a batch as a consumer would; `next` is the first offset that was not read."""

    def __init__(self, offset: int) -> None:
        self.next = offset

    def read(self, raw: bytes) -> None:
        batch = MemoryRecords(raw).next_batch()
        if not batch.validate_crc():
            raise errors.CorruptRecordError("the checksum is wrong")
        for record in batch:
            self.next = max(self.next, record.offset + 1)


def _batches(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (first offset, bytes) of each whole batch."""
    at = 0
    while at + _HEAD.size <= len(data):
        base, length = _HEAD.unpack_from(data, at)
        following = at + _HEAD.size + length
        if length <= 0 or following > len(data):
            return
        yield base, data[at:following]
        at = following


def _last_offset(raw: bytes, first: int, behind: int | None, end: int) -> int | None:
    """Return the batch's last offset, as its header says where that can be, else as the batch behind it says."""
    try:
        told = int(MemoryRecords(raw).next_batch().next_offset) - 1
    except (errors.KafkaError, AttributeError, struct.error):  # too short, or of a format that has no such field
        told = -1
    if first <= told < (end if behind is None else behind):
        return told
    return None if behind is None or behind <= first else behind - 1
