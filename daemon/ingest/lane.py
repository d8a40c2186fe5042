"""One partition that is being read: which log it is, and how far its chain of entries reaches."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streaming.decoder import Decoded
from streaming.records import Entry, Log, Marker, Record, RejectedRecord, Sample
from streaming.source import Partition


@dataclass(slots=True)
class Lane:
    """The state of one partition. Nothing in it needs to outlive the process: the stream says where to go on."""

    partition: Partition
    log: Log
    tail: int
    """The stream's last id, which the next batch continues from; 0 while there is no stream."""
    position: int
    """Up to here the chain reaches: the next entry's `after`. It lies above `tail` only while there is no stream."""
    expired: int = 0
    """Offsets from `position` on that retention took: the next entry's `expired`."""
    delivered: set[int] = field(default_factory=set)
    """Offsets whose dead letters are acknowledged and whose markers are not written yet: they are not sent again."""
    committed: int | None = None
    """The learner's position as we committed it last."""

    @property
    def resume_at(self) -> int:
        """The first offset that is still to be read."""
        return self.position + self.expired

    def entries(self, records: Sequence[Record], verdicts: Sequence[Decoded | RejectedRecord]) -> list[Entry]:
        """Return the entries of `records`, which continue from `resume_at`, chained to what is there already.

        Offsets between two records hold none (markers of transactions, compaction), so each entry continues from the
        one before it; only what retention took before the first is said apart.
        """
        entries: list[Entry] = []
        after, expired = self.position, self.expired
        for record, verdict in zip(records, verdicts, strict=True):
            if isinstance(verdict, RejectedRecord):
                entries.append(Marker(record.offset, after, expired, 0, verdict.reason))
            else:
                event = verdict.event
                entries.append(
                    Sample(
                        offset=record.offset,
                        after=after,
                        expired=expired,
                        buffered_ms=0,
                        label=event.label,
                        sample_id=event.sample_id,
                        source=event.source,
                        event_time_ms=event.time_ms,
                        pixels=verdict.pixels,
                    )
                )
            after, expired = record.offset + 1, 0
        return entries

    def advance(self, position: int) -> None:
        """The stream holds all below `position` now."""
        self.tail = self.position = position
        self.expired = 0
        self.delivered.clear()
