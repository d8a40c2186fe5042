"""What an ingestor needs of Kafka. `KafkaSource` is the real one; tests may bring their own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from streaming.records import Record


class Partition(NamedTuple):
    """A partition by name. Which log that name means is another matter: see `streaming.records.Log`."""

    topic: str
    partition: int


UNREADABLE_OFFSETS_MAX = 100_000
"""Offsets of one batch that are given up without a person: more in one batch is a damaged header."""


class Bounds(NamedTuple):
    """What a partition's log holds: offsets from `start` to below `end` (the last stable offset).

    Between `end` and `log_end` lies what waits for the end of a transaction, others' records included.
    """

    start: int
    end: int
    log_end: int


class Committed(NamedTuple):
    """A committed offset and the word that was committed with it."""

    offset: int
    metadata: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Where the client cannot go on, and why. Offsets from `first` to `last`, both included."""

    first: int
    last: int | None
    """None: nobody can tell where the batch ends."""
    why: str
    size: int = 0
    """Bytes of the batch that could be fetched."""
    sha256: str = ""
    """Of these bytes; empty where the broker gives none."""
    curable: bool = False
    """The fault is this host's (a codec is not installed): its records are good."""

    @property
    def accountable(self) -> bool:
        """Whether its records may become dead letters with nobody asked: whole, and nobody's to mend."""
        if self.curable or not self.sha256 or self.last is None:
            return False
        return self.last - self.first < UNREADABLE_OFFSETS_MAX


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought. `revoked` happened before `assigned`; a partition may stand in both."""

    records: Mapping[Partition, Sequence[Record]] = field(default_factory=dict)
    """Records of each partition, ascending, all that there are from `read_from` on."""
    read_from: Mapping[Partition, int] = field(default_factory=dict)
    """Where each of these partitions was read from: what `start` named, or right after the last record given out."""
    revoked: frozenset[Partition] = frozenset()
    """No longer ours: another member may read them by now."""
    assigned: frozenset[Partition] = frozenset()
    """Ours from now on, paused until `start` is called."""
    truncated: frozenset[Partition] = frozenset()
    """The brokers say that records below the position are not those that were read. Known of what is in `revoked`."""
    unreadable: Mapping[Partition, Unreadable] = field(default_factory=dict)
    """What cannot be read of these partitions, all of them in `revoked`. Where that is accountable, `start` within it
    gives out a record for each of its offsets (`Record.unreadable`) and then goes on behind it. Other partitions stay
    closed until `unreadable_at` finds them well, or `give_up` was called."""


class Source(Protocol):
    """A member of a consumer group. Not for several threads. Nothing is ever reset or committed by itself.

    Every call but `close` raises KafkaUnavailableError, and KafkaRefusedError where trying again cannot help.
    A poll that went wrong in any way ends this member, and the next `connect` makes another: all is revoked then.
    """

    def connect(self) -> None:
        """Reach the brokers and join the group; nothing happens where that is done already."""
        ...

    def poll(self, timeout_s: float) -> Polled:
        """Wait up to `timeout_s` for records. Called every few seconds, also while all is paused."""
        ...

    def topic_ids(self) -> Mapping[str, str]:
        """Ask the brokers now for the id of each subscribed topic; one that does not exist is left out."""
        ...

    def ensure_topics(self) -> frozenset[str]:
        """Make the subscribed topics that are missing, where that is allowed; return those that still are."""
        ...

    def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """Ask the brokers now for what the logs hold; a partition without a leader is left out."""
        ...

    def position(self, partition: Partition) -> int:
        """Return the next offset that would be read: past markers of transactions, unlike the last record."""
        ...

    def start(self, partition: Partition, offset: int) -> None:
        """Read on from `offset`; what was read ahead is thrown away. A paused partition stays paused."""
        ...

    def beyond_end(self, partition: Partition, offset: int) -> bool:
        """Ask the leader by a fetch whether `offset` lies beyond the log's end, whatever `bounds` says."""
        ...

    def unreadable_at(self, partition: Partition, offset: int) -> Unreadable | None:
        """Look, outside of the group, whether the records at `offset` can be read; None: they can."""
        ...

    def give_up(self, partition: Partition, batch: Unreadable) -> None:
        """Let `start` within `batch`, whose `last` is known, go on behind it as where it is accountable."""
        ...

    def pause(self, partitions: Collection[Partition]) -> None:
        """Read no further, and stay a member."""
        ...

    def resume(self, partitions: Collection[Partition]) -> None:
        """Undo `pause`."""
        ...

    def committed(self, partition: Partition) -> Committed | None:
        """Return the group's committed offset."""
        ...

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """Commit; return False where the group is changing hands and it must be done again later."""
        ...

    def restart(self) -> None:
        """Throw away all that was read ahead and join anew: every partition is revoked and assigned again."""
        ...

    def close(self) -> None:
        """Leave the group. Never raises, takes a few seconds at most."""
        ...
