"""From a Kafka record to what is buffered of it: the event read, the image decoded."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from streaming.cloudevents import read_event
from streaming.records import Event, Reason, Record, RejectedRecord

BATCH_RECORDS_MAX = 10_000
_SLICE_RECORDS = 8
"""Records that a thread takes at once: handing over one by one costs as much as decoding a small image."""


class PictureDecoder(Protocol):
    """Makes pixels of an encoded image. Safe to share among threads."""

    @property
    def max_bytes(self) -> int:
        """Bytes that an encoded image may have."""

    def decode(self, data: bytes) -> bytes:
        """Return RGB, uint8, size x size x 3 in C order. Raises RejectedRecord."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record that becomes a sample."""

    event: Event
    pixels: bytes
    """RGB, uint8, size x size x 3, C order."""


class Decoder:
    """Reads and decodes records. Safe to share among threads."""

    def __init__(
        self,
        images: PictureDecoder,
        classes: frozenset[str] | None = None,
        timed: Callable[[Sequence[float]], None] = lambda seconds: None,
    ) -> None:
        """`classes`: the closed list of labels; None: any label.

        `timed` is told how many seconds each record of a slice took, from the decoding threads; it returns at once.
        """
        self._images = images
        self._classes = classes
        self._timed = timed

    def decode(self, record: Record) -> Decoded:
        """Return the record's event and pixels. Raises RejectedRecord: `read_event`'s reasons before the image's."""
        if record.unreadable:
            raise RejectedRecord(Reason.UNREADABLE, record.unreadable)
        event = read_event(record, classes=self._classes, max_bytes=self._images.max_bytes)
        return Decoded(event, self._images.decode(event.image))

    def decode_batch(self, records: Sequence[Record], executor: Executor) -> list[Decoded | RejectedRecord]:
        """Decode a batch on the executor's threads; the answers stand in the order of the records.

        A rejected record's verdict stands in its place; any other error is ours, and is raised. At most
        10,000 records (ValueError), which bounds the work handed over at once.
        """
        if len(records) > BATCH_RECORDS_MAX:
            raise ValueError(f"a batch of {len(records)} records; at most {BATCH_RECORDS_MAX}")
        slices = [records[at : at + _SLICE_RECORDS] for at in range(0, len(records), _SLICE_RECORDS)]
        return [verdict for verdicts in executor.map(self._decode_slice, slices) for verdict in verdicts]

    def _decode_slice(self, records: Sequence[Record]) -> list[Decoded | RejectedRecord]:
        verdicts, seconds = [], []
        began = time.perf_counter()
        for record in records:
            verdicts.append(self._verdict(record))
            ended = time.perf_counter()
            seconds.append(ended - began)
            began = ended
        self._timed(seconds)
        return verdicts

    def _verdict(self, record: Record) -> Decoded | RejectedRecord:
        try:
            return self.decode(record)
        except RejectedRecord as rejected:
            # A fresh one: the one raised holds on to the frames, and so to the image, for as long as it is kept.
            return RejectedRecord(rejected.reason, str(rejected))
