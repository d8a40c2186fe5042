"""The buffer's contract. `RedisBuffer` is the real one, `MemoryBuffer` the fast one; one contract test holds both.

Words: a *position* is the next offset not yet taken in. The stream of a log holds one entry for each record, with
the id `(offset+1)-0`; so the stream's last id is the position to resume from, and it outlives trimming.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from streaming.records import Entry, Log

BATCH_ENTRIES_MAX = 1_000
"""Entries in one append, so that the script holds Redis up for milliseconds."""

BATCH_PIXEL_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of pixels in one append; a batch of one entry may always be sent. The ingestor splits larger batches."""

BRAKE_OUTCOMES_MAX = 1_000
"""How many of the last records of a topic a brake looks at."""

ALL_TOPICS = ""
"""Stands for every topic where a brake's outcomes were kept by 0.1, which did not tell topics apart."""

NO_SOURCES: Mapping[int, str] = MappingProxyType({})


def entries_at_once(size: int) -> int:
    """Return how many samples of `size` x `size` pixels a batch may hold: one at least."""
    return max(1, min(BATCH_ENTRIES_MAX, BATCH_PIXEL_BYTES_MAX // (3 * size * size)))


@dataclass(frozen=True, slots=True)
class Appended:
    """The batch is in; `position` is the stream's new last id."""

    position: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Nothing was written: the stream's last id is `position`, not the one the batch continues from."""

    position: int


class BufferFullError(Exception):
    """Redis refused the write for lack of memory (OOM). Nothing was written; try again when there is room."""


class BufferUnavailableError(Exception):
    """Redis cannot be reached or answers that it is loading, busy or read-only. Every call is safe to repeat."""


class BufferMisconfiguredError(Exception):
    """Redis may lose data by its own configuration (an eviction policy), is too old, refuses our credentials, or
    belongs to another learner."""


class BufferForeignError(BufferMisconfiguredError):
    """The buffer belongs to another learner's state. Nothing was changed."""


class BufferTakenError(BufferMisconfiguredError):
    """Another learner has claimed the buffer since this one did. Nothing was written, and nothing may be any more."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the newest records that a brake looks at."""

    records: int
    dead: int


@dataclass(frozen=True, slots=True)
class Blame:
    """A dead letter that a brake counts: why, and who sent it (`ce_source`; empty where that is not said)."""

    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class LogState:
    """A registered log as the learner sees it."""

    log: Log
    length: int
    """Entries: samples and markers together."""
    position: int
    """The stream's last id; 0 when the stream does not exist."""
    end: int
    """The log's end offset as the ingestor last saw it."""
    bytes_used: int
    """Length times the measured size of an entry."""
    oldest_buffered_ms: int | None
    """When the oldest entry was buffered, by the buffer's clock; None for an empty stream."""
    registered_ms: int = 0
    """When an ingestor last registered the log, by the buffer's clock: one of a topic that is gone is not any more."""
    now_ms: int = 0
    """The buffer's clock at this look: what the two are compared with, and no other clock is."""
    ahead_ms: int = 0
    """How far the clock of the ingestor that registered the log was ahead of the buffer's, less what the call took."""
    dead_letters: int = 0
    """How many of the entries are markers. Those that 0.1 wrote are not known to be any."""

    @property
    def samples(self) -> int:
        """How many of the entries are samples."""
        return self.length - self.dead_letters


@dataclass(frozen=True, slots=True)
class Vitals:
    """What of a buffer may change while it runs."""

    now_ms: int
    """Its clock, in milliseconds since the epoch."""
    unsafe: str
    """Why it may lose what it was given, and what to do; empty where it does not."""


class IngestBuffer(Protocol):
    """The ingestor's side."""

    def position(self, log: Log) -> int:
        """Return the stream's last id; 0 when the stream does not exist. Raises BufferUnavailableError."""
        ...

    def append(
        self, log: Log, expected: int, entries: Sequence[Entry], brake: str, sources: Mapping[int, str] = NO_SOURCES
    ) -> Appended | Stale:
        """Append a batch in ascending offsets, if and only if the stream's last id is `expected`, in one script.

        Where there is no stream, and the learner has left a position below the first entry's `after`, the answer is
        Stale(0): the learner has set its position back, and wants to read from there.
        The same script counts dead letters by reason, and adds the outcome of each entry (sample or dead letter) to
        the window that the brake named `brake` keeps of the topic, but for tombstones, for what no client can read
        (that is no producer's fault) and for records that `release` let go. `sources` says by offset who sent a dead
        letter. Raises BufferFullError (nothing was written) or BufferUnavailableError (unknown; ask `position`),
        and ValueError for a batch that is empty, unordered, below `expected` or above BATCH_ENTRIES_MAX or
        BATCH_PIXEL_BYTES_MAX. A batch that got in although its answer was lost comes back as Stale, with the
        position behind it, when it is tried again. When an entry was buffered is told by the buffer's clock:
        `buffered_ms` as given does not count.
        """
        ...

    def learnt(self, log: Log) -> int | None:
        """Return the learner's durable position, as it left it; None when there is none."""
        ...

    def register(self, log: Log, end: int) -> None:
        """Make the log known to the learner, with its end offset. Before the first append, then every few seconds.

        Raises BufferFullError at maxmemory, where the log was registered before with all but the newest end.
        """
        ...

    def bytes_used(self) -> int:
        """Return the sum over all registered streams of length times measured entry size."""
        ...

    def outcomes(self, brake: str) -> dict[str, Outcomes]:
        """Return, by topic, what became of the last 1,000 records that the brake named `brake` counted.

        ALL_TOPICS stands alone where only 0.1 counted.
        """
        ...

    def blamed(self, brake: str, topic: str) -> list[Blame]:
        """Return the dead letters among these outcomes of a topic, oldest first; empty where 0.1 counted them."""
        ...

    def release(self, brake: str, topic: str, ends: Mapping[Log, int], records: int = 0) -> None:
        """Forget the outcomes of a topic, and let records go: they do not count for any brake of the job.

        `ends`: those below the position named for each log; `records`: so many more of the topic, whoever takes them
        in. Both are kept for 30 days; a later release replaces them. All or nothing, also at maxmemory. What 0.1
        counted of all topics together is forgotten, too.
        """
        ...

    def run_id(self) -> str:
        """Return an identity of the server process that changes when it restarts."""
        ...

    def in_hand(self, log: Log) -> tuple[str, str]:
        """Return (life, note) as `take_in_hand` left them last; two empty texts where nothing is in hand."""
        ...

    def take_in_hand(self, log: Log, life: str, note: str) -> None:
        """Leave a note that `life`, a word without a blank, reads this log now. Raises BufferFullError.

        What stands there of another life is replaced: whoever owns the partition writes.
        """
        ...

    def put_down(self, log: Log, life: str) -> None:
        """Take the note away, where it is `life`'s own: another owner may have written its by now."""
        ...

    def vitals(self) -> Vitals:
        """Return what may change while the buffer runs."""
        ...

    def incarnation(self, topic: str, topic_id: str, partition: int) -> int:
        """Return the current incarnation of a partition's log (0 until an operator released a truncation)."""
        ...

    def open_incarnation(self, topic: str, topic_id: str, partition: int, incarnation: int) -> int:
        """Release a truncation: make `incarnation` the current one unless a later one is; return the current one.

        Safe to repeat, for the number is named and not counted up. The learner's `leave_learnt` restores it after
        a loss. Raises BufferFullError.
        """
        ...

    def ask_skip(self, log: Log, offset: int) -> None:
        """Leave, for a day, an operator's word that the log's records that cannot be read may be given up.

        Up to and with `offset`; the newest word counts. Raises BufferFullError.
        """
        ...

    def skip(self, log: Log) -> int | None:
        """Return the offset that `ask_skip` left; None where there is none."""
        ...


class LearnBuffer(Protocol):
    """The learner's side.

    Every write raises BufferTakenError once another learner has claimed the buffer after this one. None is refused at
    maxmemory: they are small, and what they allow is to free memory.
    """

    def logs(self) -> list[LogState]:
        """Return every registered log, sorted."""
        ...

    def dead_lettered(self) -> dict[str, dict[str, int]]:
        """Return by topic and reason how many records became dead letters, since the buffer was last empty."""
        ...

    def read(self, log: Log, start: int, count: int) -> list[Entry]:
        """Return up to `count` entries of offsets >= start, ascending."""
        ...

    def trim(self, log: Log, position: int) -> None:
        """Drop entries of offsets < position. The stream's last id stays."""
        ...

    def leave_learnt(self, log: Log, position: int) -> None:
        """Leave the learner's durable position for the ingestors.

        Restores the log's incarnation as well, should Redis have lost it.
        """
        ...

    def left(self) -> dict[Log, int]:
        """Return the positions that were left for the registered logs, by this learner or an earlier life."""
        ...

    def forget(self, log: Log) -> bool:
        """Delete a dead log's empty stream, position, note and registration; False, and nothing, if not empty.

        For logs of topics deleted and incarnations ended, once they are learnt.
        """
        ...

    def reset(self, positions: Mapping[Log, int]) -> None:
        """Delete every registered log's stream and leave these positions, 0 for logs not named; all or nothing.

        This is how `--adopt` makes the ingestors read Kafka again from an older state.
        """
        ...

    def run_id(self) -> str:
        """Return an identity of the server process that changes when it restarts."""
        ...

    def vitals(self) -> Vitals:
        """Return what may change while the buffer runs."""
        ...

    def claim_ownership(self, state_id: str, *, adopt: bool) -> None:
        """Write `state_id` as the job's learner. Raises BufferForeignError where another stands, unless adopt.

        Once, at the start: an earlier life of the same state is taken over from, and its writes are refused from here
        on. After a loss of Redis the first write of whoever has claimed it claims it again.
        """
        ...
