"""The buffer in Redis: one side for ingestors, one for the learner. Contracts: streaming/buffer.py."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streaming.buffer import (
    ALL_TOPICS,
    BRAKE_OUTCOMES_MAX,
    NO_SOURCES,
    Appended,
    Blame,
    BufferForeignError,
    LogState,
    Outcomes,
    Stale,
    Vitals,
)
from streaming.entries import check_batch, from_fields, outcome_of, position_of, stream_id, to_fields
from streaming.keys import Keys, log_field
from streaming.records import Entry, Log, Marker
from streaming.redis_client import Argument, RedisConnection
from streaming.redis_streams import RedisStreams

OUTCOMES_KEPT_S = 7 * 24 * 3600
"""A brake that nothing was counted for in a week is forgotten: names of hosts come and go."""

LET_GO_KEPT_S = 30 * 24 * 3600
"""Longer than records are kept for most topics: until then what was let go may still have to be read."""

SKIP_KEPT_S = 24 * 3600
"""A word to skip records is for the ones that wait now."""

READ_BYTES_MAX = 32 * 1024 * 1024
"""Pixels asked for in one XRANGE, so that the answer comes well within the time limit."""


class RedisIngestBuffer:
    """The ingestor's side (IngestBuffer)."""

    def __init__(
        self,
        connection: RedisConnection,
        job: str,
        now_ms: Callable[[], int],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_ms` is this host's time of day in milliseconds, to tell others its skew.

        Raises ValueError for an odd job.
        """
        self._connection = connection
        self._now_ms = now_ms
        self._keys = Keys(job)
        self._streams = RedisStreams(connection, self._keys, clock_s)

    def position(self, log: Log) -> int:
        """See IngestBuffer."""
        return self._streams.position(log)

    def append(
        self, log: Log, expected: int, entries: Sequence[Entry], brake: str, sources: Mapping[int, str] = NO_SOURCES
    ) -> Appended | Stale:
        """See IngestBuffer. The bytes of a batch travel once; 12 kB entries in batches of 64 cost 1.5 ms."""
        check_batch(expected, entries)
        outcomes = "".join(map(outcome_of, entries))
        kept = (log.topic, outcomes, BRAKE_OUTCOMES_MAX, OUTCOMES_KEPT_S)
        args: list[bytes | int | str] = [stream_id(expected), entries[0].after, *kept]
        for entry in entries:
            if isinstance(entry, Marker):
                args += [entry.reason.value, sources.get(entry.offset, "")]
        for entry in entries:
            fields = to_fields(entry)
            args += [stream_id(entry.offset + 1), len(fields), *fields]
        answer = self._connection.script("append", self._append_keys(log, brake), args)
        if not answer:
            return Stale(0)
        last = position_of(answer)
        return Appended(entries[-1].offset + 1) if last == expected else Stale(last)

    def learnt(self, log: Log) -> int | None:
        """See IngestBuffer."""
        value = self._get(self._keys.learnt(log))
        return None if value is None else int(value)

    def register(self, log: Log, end: int) -> None:
        """See IngestBuffer."""
        self._streams.register(log, end, self._now_ms())

    def bytes_used(self) -> int:
        """See IngestBuffer. Two round trips; entry sizes are measured every 5 s, 3 ms a stream."""
        return self._streams.bytes_used()

    def outcomes(self, brake: str) -> dict[str, Outcomes]:
        """See IngestBuffer."""
        found: dict[bytes, bytes] = self._connection.call("HGETALL", self._keys.verdicts(brake))
        if not found:
            older = self._get(self._keys.outcomes(brake))
            found = {ALL_TOPICS.encode(): older} if older else {}
        return {topic.decode(): Outcomes(len(kept), kept.count(b"x")) for topic, kept in found.items()}

    def blamed(self, brake: str, topic: str) -> list[Blame]:
        """See IngestBuffer."""
        dead = self.outcomes(brake).get(topic, Outcomes(0, 0)).dead
        if not dead or topic == ALL_TOPICS:
            return []
        found: list[bytes] = self._connection.call("LRANGE", self._keys.blamed(brake, topic), -dead, -1)
        parts = (one.decode("utf-8", "replace").partition("/") for one in found)
        return [Blame(reason, source) for reason, _, source in parts]

    def release(self, brake: str, topic: str, ends: Mapping[Log, int], records: int = 0) -> None:
        """See IngestBuffer."""
        keys = [self._keys.verdicts(brake), self._keys.blamed(brake, topic), self._keys.outcomes(brake)]
        keys += [self._keys.spared(topic), *(self._keys.let_go(log) for log in ends)]
        self._connection.script("release", keys, [topic, records, LET_GO_KEPT_S, *ends.values()])

    def run_id(self) -> str:
        """See IngestBuffer."""
        return self._connection.run_id()

    def in_hand(self, log: Log) -> tuple[str, str]:
        """See IngestBuffer."""
        life, _, note = (self._get(self._keys.in_hand(log)) or b"").decode().partition(" ")
        return life, note

    def take_in_hand(self, log: Log, life: str, note: str) -> None:
        """See IngestBuffer."""
        self._connection.call("SET", self._keys.in_hand(log), f"{life} {note}")

    def put_down(self, log: Log, life: str) -> None:
        """See IngestBuffer."""
        self._connection.script("put_down", [self._keys.in_hand(log)], [life])

    def vitals(self) -> Vitals:
        """See IngestBuffer."""
        return self._connection.vitals()

    def incarnation(self, topic: str, topic_id: str, partition: int) -> int:
        """See IngestBuffer."""
        return int(self._get(self._keys.incarnation(topic, topic_id, partition)) or 0)

    def open_incarnation(self, topic: str, topic_id: str, partition: int, incarnation: int) -> int:
        """See IngestBuffer."""
        key = self._keys.incarnation(topic, topic_id, partition)
        return int(self._connection.script("open_incarnation", [key], [incarnation]))

    def _append_keys(self, log: Log, brake: str) -> list[str]:
        keys = self._keys
        of_log = [keys.stream(log), keys.learnt(log), keys.dead(log), keys.let_go(log)]
        of_brake = [keys.spared(log.topic), keys.verdicts(brake), keys.blamed(brake, log.topic)]
        return [*of_log, *of_brake, keys.dead_letters]

    def ask_skip(self, log: Log, offset: int) -> None:
        """See IngestBuffer."""
        self._connection.call("SET", self._keys.skip(log), offset, "EX", SKIP_KEPT_S)

    def skip(self, log: Log) -> int | None:
        """See IngestBuffer."""
        value = self._get(self._keys.skip(log))
        return None if value is None else int(value)

    def _get(self, key: str) -> bytes | None:
        value: bytes | None = self._connection.call("GET", key)
        return value


class RedisLearnBuffer:
    """The learner's side (LearnBuffer)."""

    def __init__(self, connection: RedisConnection, job: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked of Redis yet. Raises ValueError for an odd job."""
        self._connection = connection
        self._keys = Keys(job)
        self._streams = RedisStreams(connection, self._keys, clock_s)
        self._life = uuid.uuid4().hex
        self._claimed = ""
        """Who we are to the fence, once the buffer was claimed."""

    def logs(self) -> list[LogState]:
        """See LearnBuffer. One round trip a log; entry sizes are measured every 5 s, 3 ms a stream."""
        return self._streams.states()

    def dead_lettered(self) -> dict[str, dict[str, int]]:
        """See LearnBuffer."""
        found: dict[str, dict[str, int]] = {}
        for field, count in sorted(self._connection.call("HGETALL", self._keys.dead_letters).items()):
            topic, _, reason = field.decode().partition("/")
            found.setdefault(topic, {})[reason] = int(count)
        return found

    def read(self, log: Log, start: int, count: int) -> list[Entry]:
        """See LearnBuffer. Raises CorruptEntryError where someone else wrote to the stream."""
        entries: list[Entry] = []
        while len(entries) < count:
            asked = min(count - len(entries), self._entries_of(READ_BYTES_MAX, entries))
            page = self._page(log, entries[-1].offset + 1 if entries else start, asked)
            entries += page
            if len(page) < asked:
                break
        return entries

    def trim(self, log: Log, position: int) -> None:
        """See LearnBuffer."""
        self._fenced("trim", [self._keys.stream(log), self._keys.dead(log)], [stream_id(position + 1)])

    def leave_learnt(self, log: Log, position: int) -> None:
        """See LearnBuffer."""
        incarnation = self._keys.incarnation(log.topic, log.topic_id, log.partition)
        self._fenced("leave_learnt", [self._keys.learnt(log), incarnation], [position, log.incarnation])

    def left(self) -> dict[Log, int]:
        """See LearnBuffer."""
        logs = list(self._streams.registered())
        left = self._connection.call_many([("GET", self._keys.learnt(log)) for log in logs])
        return {log: int(position) for log, position in zip(logs, left, strict=True) if position is not None}

    def forget(self, log: Log) -> bool:
        """See LearnBuffer."""
        of_log = [self._keys.dead(log), self._keys.in_hand(log)]
        keys = [self._keys.stream(log), self._keys.learnt(log), self._keys.logs, *of_log]
        return bool(self._fenced("forget", keys, [log_field(log)]))

    def reset(self, positions: Mapping[Log, int]) -> None:
        """See LearnBuffer."""
        logs = sorted({*self._streams.registered(), *positions})
        of_each = (self._keys.stream, self._keys.learnt, self._keys.dead)
        keys = [key(log) for log in logs for key in of_each]
        self._fenced("reset", keys, [positions.get(log, 0) for log in logs])

    def run_id(self) -> str:
        """See LearnBuffer."""
        return self._connection.run_id()

    def vitals(self) -> Vitals:
        """See LearnBuffer."""
        return self._connection.vitals()

    def claim_ownership(self, state_id: str, *, adopt: bool) -> None:
        """See LearnBuffer."""
        args = [state_id, self._life, "1" if adopt else "0"]
        owner = self._connection.script("claim_owner", [self._keys.owner], args).decode()
        if owner != f"{state_id}:{self._life}":
            raise BufferForeignError(
                f"job {self._keys.job!r} in this Redis belongs to the learner state {owner.partition(':')[0]}, "
                f"not to {state_id}: give this learner another `job`, or start it with --adopt if its state replaces "
                "the other"
            )
        self._claimed = owner

    def _fenced(self, script: str, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script that only the owner may run."""
        return self._connection.script(script, [self._keys.owner, *keys], [self._claimed, *args])

    def _page(self, log: Log, start: int, count: int) -> list[Entry]:
        raw = self._connection.call("XRANGE", self._keys.stream(log), stream_id(start + 1), "+", "COUNT", count)
        return [from_fields(entry_id, fields) for entry_id, fields in raw]

    @staticmethod
    def _entries_of(bytes_max: int, read: Sequence[Entry]) -> int:
        """Return how many entries like those already read make `bytes_max`; few, while none is known."""
        largest = max((len(entry.pixels) for entry in read if not isinstance(entry, Marker)), default=0)
        return max(1, bytes_max // largest) if largest else 8
