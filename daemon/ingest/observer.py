"""What an ingestor tells whoever watches: facts only. Metric names are not its business."""

from enum import StrEnum
from typing import Protocol

from streaming.records import Reason


class Pause(StrEnum):
    """Why an ingestor takes no records. It stays in the group and keeps polling."""

    BUFFER_FULL = "buffer_full"
    """The buffer's byte limit is reached, or Redis has no memory left: the learner is behind."""
    REDIS = "redis"
    """Redis does not answer."""
    EVICTION = "eviction"
    """Redis may drop what it is given, by its maxmemory-policy."""
    BRAKE = "brake"
    """More than half of the newest records are dead letters; an operator releases it."""
    DEAD_LETTERS = "dead_letters"
    """A dead letter cannot be delivered."""


class IngestObserver(Protocol):
    """Is told what happens, in the ingestor's own thread: every method returns at once and never raises."""

    def assigned(self, topic: str, partition: int) -> None:
        """A partition is ours from now on; nothing of it is read yet. May be told again."""
        ...

    def consumed(self, records: int) -> None:
        """So many records were taken in: buffered, or dead-lettered and marked."""
        ...

    def buffered(self, samples: int) -> None:
        """So many of them became samples in the buffer."""
        ...

    def dead_lettered(self, reason: Reason) -> None:
        """One of them became a dead letter, acknowledged by Kafka and marked in the buffer."""
        ...

    def duplicate(self, records: int) -> None:
        """So many records came again, and the buffer refused them because it has them."""
        ...

    def expired(self, topic: str, partition: int, offsets: int) -> None:
        """Retention took so many offsets before they were read; the entry behind them says so in the buffer now."""
        ...

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Records between what is taken in and the log's end, open transactions included; None: not ours any more."""
        ...

    def oldest(self, topic: str, partition: int, timestamp_ms: int | None) -> None:
        """The oldest record that is not taken in has this timestamp, or a later one; None: nothing waits."""
        ...

    def uncommitted(self, topic: str, partition: int, records: int, since_ms: int) -> None:
        """So many offsets lie between the last stable offset and the log's end: an open transaction holds them back.

        `since_ms` is when that transaction was first seen; 0 for both where there is none.
        """
        ...

    def paused(self, causes: frozenset[Pause]) -> None:
        """The causes that stand now; empty: records are taken. Told when they change, and once at start."""
        ...

    def stopped(self, topic: str, partition: int, *, truncated: bool) -> None:
        """A partition stopped because its log was truncated (alarm), or went on."""
        ...

    def unreadable(self, topic: str, partition: int, *, waits: bool) -> None:
        """A partition waits because what comes next in it cannot be read (alarm), or went on."""
        ...


class SilentObserver:
    """Watches nothing."""

    def assigned(self, topic: str, partition: int) -> None:
        """Nothing."""

    def consumed(self, records: int) -> None:
        """Nothing."""

    def buffered(self, samples: int) -> None:
        """Nothing."""

    def dead_lettered(self, reason: Reason) -> None:
        """Nothing."""

    def duplicate(self, records: int) -> None:
        """Nothing."""

    def expired(self, topic: str, partition: int, offsets: int) -> None:
        """Nothing."""

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Nothing."""

    def oldest(self, topic: str, partition: int, timestamp_ms: int | None) -> None:
        """Nothing."""

    def uncommitted(self, topic: str, partition: int, records: int, since_ms: int) -> None:
        """Nothing."""

    def paused(self, causes: frozenset[Pause]) -> None:
        """Nothing."""

    def stopped(self, topic: str, partition: int, *, truncated: bool) -> None:
        """Nothing."""

    def unreadable(self, topic: str, partition: int, *, waits: bool) -> None:
        """Nothing."""
