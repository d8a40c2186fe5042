"""The buffer in memory: the same contract without a server, for tests of what uses it. Not for production."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from streaming.buffer import (
    BRAKE_OUTCOMES_MAX,
    NO_SOURCES,
    Appended,
    Blame,
    BufferForeignError,
    BufferFullError,
    BufferUnavailableError,
    LogState,
    Outcomes,
    Stale,
    Vitals,
)
from streaming.entries import check_batch, outcome_of
from streaming.records import Entry, Log, Marker

ENTRY_OVERHEAD_BYTES = 300


@dataclass(slots=True)
class _Stream:
    """A log's entries. `position` outlives trimming."""

    position: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def bytes_used(self) -> int:
        pixels = sum(len(entry.pixels) for entry in self.entries if not isinstance(entry, Marker))
        return pixels + ENTRY_OVERHEAD_BYTES * len(self.entries)


@dataclass(slots=True)
class _Data:
    """All that a server would hold."""

    streams: dict[Log, _Stream] = field(default_factory=dict)
    learnt: dict[Log, int] = field(default_factory=dict)
    registered: dict[Log, tuple[int, int]] = field(default_factory=dict)
    in_hand: dict[Log, tuple[str, str]] = field(default_factory=dict)
    incarnations: dict[tuple[str, str, int], int] = field(default_factory=dict)
    verdicts: dict[str, dict[str, list[Blame | None]]] = field(default_factory=dict)
    """By brake and topic: None for a sample."""
    let_go: dict[Log, int] = field(default_factory=dict)
    spared: dict[str, int] = field(default_factory=dict)
    dead_lettered: dict[str, dict[str, int]] = field(default_factory=dict)
    skips: dict[Log, int] = field(default_factory=dict)
    owner: str | None = None


class MemoryBuffer:
    """Both sides in one object (IngestBuffer, LearnBuffer), safe to use from several threads.

    A test takes the server away with `available = False`, sets its memory with `bytes_max`, makes it `unsafe` and
    loses everything with `wipe()`. It has one learner, and so fences none off.
    """

    def __init__(
        self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000, bytes_max: int | None = None
    ) -> None:
        """`now_ms` is the buffer's own clock.

        At `bytes_max` bytes of entries every write of the ingestors' side is refused; None: no limit.
        """
        self.available = True
        self.bytes_max = bytes_max
        self.unsafe = ""
        self._now_ms = now_ms
        self._lock = threading.RLock()
        self._data = _Data()
        self._runs = itertools.count(1)
        self._run = next(self._runs)

    def wipe(self) -> None:
        """Lose everything, as a server without persistence does on a restart."""
        with self._lock:
            self._data = _Data()
            self.restart()

    def restart(self) -> None:
        """Change the run id, and keep the data."""
        self._run = next(self._runs)

    def position(self, log: Log) -> int:
        """See IngestBuffer."""
        stream = self._read().streams.get(log)
        return stream.position if stream else 0

    def append(
        self, log: Log, expected: int, entries: Sequence[Entry], brake: str, sources: Mapping[int, str] = NO_SOURCES
    ) -> Appended | Stale:
        """See IngestBuffer."""
        check_batch(expected, entries)
        with self._lock:
            position = self.position(log)
            if position != expected:
                return Stale(position)
            if position == 0 and entries[0].after > self._data.learnt.get(log, entries[0].after):
                return Stale(0)
            stream = self._write().streams.setdefault(log, _Stream())
            buffered_ms = self._now_ms()
            stream.entries += [replace(entry, buffered_ms=buffered_ms) for entry in entries]
            stream.position = entries[-1].offset + 1
            self._count(log, entries, brake, sources)
            return Appended(stream.position)

    def _count(self, log: Log, entries: Sequence[Entry], brake: str, sources: Mapping[int, str]) -> None:
        data = self._data
        by_reason = data.dead_lettered.setdefault(log.topic, {})
        kept = data.verdicts.get(brake, {}).get(log.topic, [])
        for entry in entries:
            if isinstance(entry, Marker):
                by_reason[entry.reason.value] = by_reason.get(entry.reason.value, 0) + 1
            if outcome_of(entry) == "t" or entry.offset < data.let_go.get(log, 0):
                continue
            if data.spared.get(log.topic, 0) > 0:
                data.spared[log.topic] -= 1
                continue
            blame = Blame(entry.reason.value, sources.get(entry.offset, "")) if isinstance(entry, Marker) else None
            kept = [*kept, blame]
        if kept:
            data.verdicts.setdefault(brake, {})[log.topic] = kept[-BRAKE_OUTCOMES_MAX:]

    def learnt(self, log: Log) -> int | None:
        """See IngestBuffer."""
        return self._read().learnt.get(log)

    def register(self, log: Log, end: int) -> None:
        """See IngestBuffer."""
        self._write().registered[log] = (end, self._now_ms())

    def bytes_used(self) -> int:
        """See IngestBuffer. Exact."""
        with self._lock:
            data = self._read()
            return sum(data.streams[log].bytes_used for log in data.registered if log in data.streams)

    def outcomes(self, brake: str) -> dict[str, Outcomes]:
        """See IngestBuffer."""
        kept = self._read().verdicts.get(brake, {})
        return {topic: Outcomes(len(some), sum(map(bool, some))) for topic, some in kept.items()}

    def blamed(self, brake: str, topic: str) -> list[Blame]:
        """See IngestBuffer."""
        return [one for one in self._read().verdicts.get(brake, {}).get(topic, []) if one is not None]

    def release(self, brake: str, topic: str, ends: Mapping[Log, int], records: int = 0) -> None:
        """See IngestBuffer."""
        with self._lock:
            data = self._read()
            data.verdicts.get(brake, {}).pop(topic, None)
            data.let_go |= ends
            data.spared[topic] = records

    def run_id(self) -> str:
        """See IngestBuffer and LearnBuffer."""
        self._read()
        return f"memory-{self._run}"

    def in_hand(self, log: Log) -> tuple[str, str]:
        """See IngestBuffer."""
        return self._read().in_hand.get(log, ("", ""))

    def take_in_hand(self, log: Log, life: str, note: str) -> None:
        """See IngestBuffer."""
        self._write().in_hand[log] = (life, note)

    def put_down(self, log: Log, life: str) -> None:
        """See IngestBuffer."""
        with self._lock:
            if self.in_hand(log)[0] == life:
                del self._data.in_hand[log]

    def vitals(self) -> Vitals:
        """See IngestBuffer and LearnBuffer."""
        self._read()
        return Vitals(self._now_ms(), self.unsafe)

    def incarnation(self, topic: str, topic_id: str, partition: int) -> int:
        """See IngestBuffer."""
        return self._read().incarnations.get((topic, topic_id, partition), 0)

    def open_incarnation(self, topic: str, topic_id: str, partition: int, incarnation: int) -> int:
        """See IngestBuffer."""
        with self._lock:
            current = self.incarnation(topic, topic_id, partition)
            if incarnation > current:
                self._write().incarnations[(topic, topic_id, partition)] = incarnation
            return max(incarnation, current)

    def ask_skip(self, log: Log, offset: int) -> None:
        """See IngestBuffer. It is kept for ever."""
        with self._lock:
            self._write().skips[log] = offset

    def skip(self, log: Log) -> int | None:
        """See IngestBuffer."""
        return self._read().skips.get(log)

    def logs(self) -> list[LogState]:
        """See LearnBuffer."""
        with self._lock:
            data = self._read()
            return [self._state(log, *data.registered[log]) for log in sorted(data.registered)]

    def dead_lettered(self) -> dict[str, dict[str, int]]:
        """See LearnBuffer."""
        return {topic: dict(found) for topic, found in sorted(self._read().dead_lettered.items()) if found}

    def read(self, log: Log, start: int, count: int) -> list[Entry]:
        """See LearnBuffer."""
        with self._lock:
            stream = self._read().streams.get(log, _Stream())
            return [entry for entry in stream.entries if entry.offset >= start][:count]

    def trim(self, log: Log, position: int) -> None:
        """See LearnBuffer."""
        with self._lock:
            stream = self._read().streams.get(log)
            if stream:
                stream.entries = [entry for entry in stream.entries if entry.offset >= position]

    def leave_learnt(self, log: Log, position: int) -> None:
        """See LearnBuffer."""
        with self._lock:
            data = self._read()
            data.learnt[log] = position
            place = (log.topic, log.topic_id, log.partition)
            data.incarnations[place] = max(log.incarnation, data.incarnations.get(place, 0))

    def left(self) -> dict[Log, int]:
        """See LearnBuffer."""
        with self._lock:
            data = self._read()
            return {log: data.learnt[log] for log in sorted(data.registered) if log in data.learnt}

    def forget(self, log: Log) -> bool:
        """See LearnBuffer."""
        with self._lock:
            data = self._read()
            if data.streams.get(log, _Stream()).entries:
                return False
            for kept in (data.streams, data.learnt, data.registered, data.in_hand):
                kept.pop(log, None)
            return True

    def reset(self, positions: Mapping[Log, int]) -> None:
        """See LearnBuffer."""
        with self._lock:
            data = self._read()
            for log in {*data.registered, *positions}:
                data.streams.pop(log, None)
                data.learnt[log] = positions.get(log, 0)

    def claim_ownership(self, state_id: str, *, adopt: bool) -> None:
        """See LearnBuffer."""
        with self._lock:
            owner = self._read().owner
            if owner not in (None, state_id) and not adopt:
                raise BufferForeignError(f"the buffer belongs to the learner state {owner}, not to {state_id}")
            self._data.owner = state_id

    def _state(self, log: Log, end: int, registered_ms: int) -> LogState:
        stream = self._data.streams.get(log, _Stream())
        return LogState(
            log=log,
            length=len(stream.entries),
            position=stream.position,
            end=end,
            bytes_used=stream.bytes_used,
            oldest_buffered_ms=stream.entries[0].buffered_ms if stream.entries else None,
            registered_ms=registered_ms,
            now_ms=self._now_ms(),
            dead_letters=sum(isinstance(entry, Marker) for entry in stream.entries),
        )

    def _read(self) -> _Data:
        if not self.available:
            raise BufferUnavailableError("the buffer was taken away")
        return self._data

    def _write(self) -> _Data:
        data = self._read()
        if self.bytes_max is not None and sum(one.bytes_used for one in data.streams.values()) >= self.bytes_max:
            raise BufferFullError("the buffer is at its bytes_max")
        return data
