"""Which span took in which offsets: left by ingestors beside a log's stream, for the learner's links.

Beside the stream and not in its entries: those are read strictly, by learners of 0.1 too, and a field more would make
each of them stop. So it may be lost without harm: it expires, and holds the newest batches only.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from streaming.keys import Keys
from streaming.records import Log
from streaming.redis_client import RedisConnection
from streaming.trace_context import valid

BATCHES_MAX = 1_000
"""Batches that are remembered of a log: at 100 bytes each, a hundredth of what one batch takes in the buffer."""
KEPT_S = 24 * 3600
"""A log that no batch came from in so long is forgotten."""


class BatchTrace(NamedTuple):
    """The span (`traceparent`) that took in the offsets [first, end) of a log."""

    first: int
    end: int
    traceparent: str


class BatchTraces(Protocol):
    """Both sides. Raises BufferUnavailableError; `leave` BufferFullError, too."""

    def leave(self, log: Log, trace: BatchTrace) -> None:
        """Remember the span of a batch that was buffered."""
        ...

    def within(self, log: Log, start: int, end: int) -> list[BatchTrace]:
        """Return what is remembered of batches that have offsets in [start, end), in the order they were left."""
        ...


class MemoryBatchTraces:
    """In memory, for tests."""

    def __init__(self) -> None:
        self._left: dict[Log, list[BatchTrace]] = {}

    def leave(self, log: Log, trace: BatchTrace) -> None:
        """See BatchTraces."""
        left = self._left.setdefault(log, [])
        left.append(trace)
        del left[:-BATCHES_MAX]

    def within(self, log: Log, start: int, end: int) -> list[BatchTrace]:
        """See BatchTraces."""
        return _within(self._left.get(log, []), start, end)


class RedisBatchTraces:
    """A list of each log's, in Redis."""

    def __init__(self, connection: RedisConnection, job: str) -> None:
        """Nothing is asked of Redis yet. Raises ValueError for an odd job."""
        self._connection = connection
        self._keys = Keys(job)

    def leave(self, log: Log, trace: BatchTrace) -> None:
        """See BatchTraces. One round trip."""
        key = self._keys.traces(log)
        line = f"{trace.first} {trace.end} {trace.traceparent}"
        self._connection.call_many([("RPUSH", key, line), ("LTRIM", key, -BATCHES_MAX, -1), ("EXPIRE", key, KEPT_S)])

    def within(self, log: Log, start: int, end: int) -> list[BatchTrace]:
        """See BatchTraces. What is no line of ours is passed over."""
        lines: list[bytes] = self._connection.call("LRANGE", self._keys.traces(log), -BATCHES_MAX, -1)
        return _within((trace for line in lines if (trace := _parsed(line)) is not None), start, end)


def _within(traces: Iterable[BatchTrace], start: int, end: int) -> list[BatchTrace]:
    return [trace for trace in traces if trace.first < end and trace.end > start]


def _parsed(line: bytes) -> BatchTrace | None:
    match line.split(b" "):
        case [first, end, traceparent] if first.isdigit() and end.isdigit() and valid(traceparent):
            return BatchTrace(int(first), int(end), traceparent.decode("ascii"))
    return None
