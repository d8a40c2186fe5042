"""How far each partition is behind: in records, and in the age of the oldest one that is not taken in."""

from collections.abc import Callable
from dataclasses import dataclass

from daemon.ingest.observer import IngestObserver
from streaming.records import Record
from streaming.source import Partition


@dataclass(slots=True)
class _Seen:
    """What is known of one partition. Times are milliseconds since the epoch; None: not known."""

    reached: int
    """The first offset that is not taken in."""
    waiting: tuple[int, int] | None = None
    """Offset and timestamp of the first record of the last poll: not taken in while it lies at `reached` or above."""
    newest_ms: int | None = None
    """Timestamp of the newest record taken in."""
    clear_ms: int | None = None
    """When nothing was waiting the last time."""


class Lags:
    """Asks nothing of Kafka: it is told what others see.

    How exact the age is: to the millisecond where the oldest record waiting was polled, as in a pause that began with
    records in hand. Else it is at most what is told: from the newest record taken in, or from when nothing waited the
    last time (asked every few seconds), whichever is later, for records come in the order of their timestamps, or
    nearly so. Before this process has polled a partition that has something waiting nothing is told. Timestamps are by
    the clocks of producers or brokers; a record without one (-1) counts as not known.
    """

    def __init__(self, observer: IngestObserver, now_ms: Callable[[], int]) -> None:
        self._observer = observer
        self._now_ms = now_ms
        self._seen: dict[Partition, _Seen] = {}

    def polled(self, partition: Partition, first: Record) -> None:
        """A poll gave out records, of which this is the first."""
        seen = self._seen.setdefault(partition, _Seen(first.offset))
        seen.waiting = (first.offset, first.timestamp_ms) if first.timestamp_ms >= 0 else None

    def taken(self, partition: Partition, last: Record) -> None:
        """All up to and with this record are taken in."""
        seen = self._seen.setdefault(partition, _Seen(last.offset + 1))
        seen.reached = last.offset + 1
        if last.timestamp_ms >= 0:
            seen.newest_ms = last.timestamp_ms

    def seen(self, partition: Partition, reached: int, log_end: int) -> None:
        """All below `reached` is taken in, or is no record, and the log ends at `log_end` now. Tells the lag."""
        seen = self._seen.setdefault(partition, _Seen(reached))
        seen.reached = reached
        records = max(0, log_end - reached)
        self._observer.lag(partition.topic, partition.partition, records)
        if not records:
            seen.clear_ms, seen.waiting = self._now_ms(), None
            self._observer.oldest(partition.topic, partition.partition, None)
        elif (since_ms := _since_ms(seen)) is not None:
            self._observer.oldest(partition.topic, partition.partition, since_ms)

    def ended(self, partition: Partition, log_end: int) -> None:
        """The log of a partition that is not read just now ends there. Tells the lag where it is known."""
        if (seen := self._seen.get(partition)) is not None:
            self.seen(partition, seen.reached, log_end)

    def forget(self, partition: Partition) -> None:
        """The partition is not read here any more."""
        self._seen.pop(partition, None)
        self._observer.lag(partition.topic, partition.partition, None)


def _since_ms(seen: _Seen) -> int | None:
    if seen.waiting is not None and seen.waiting[0] >= seen.reached:
        return seen.waiting[1]
    known = [one for one in (seen.newest_ms, seen.clear_ms) if one is not None]
    return max(known, default=None)
