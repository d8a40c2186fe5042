"""Open transactions: what lies behind one is read by nobody before it ends, not even the records of others."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from daemon.ingest.observer import IngestObserver
from daemon.outage import REMIND_EVERY_S
from streaming.source import Bounds, Partition

OPEN_MAX_S = 60.0
"""A live producer's transaction lasts seconds; one that is older is said, and each minute again."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Open:
    """A transaction seen: its first offset, when it was first seen, and when it was last said."""

    start: int
    since_s: float
    since_ms: int
    waiting: int
    said_s: float | None = None


class Transactions:
    """Watches, for each partition that is read, what waits between the last stable offset and the log's end."""

    def __init__(
        self,
        observer: IngestObserver,
        servers: str,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        """`servers` are the brokers, for the commands that an operator is told."""
        self._observer = observer
        self._servers = servers
        self._clock = clock
        self._now_ms = now_ms
        self._open: dict[Partition, _Open] = {}

    def seen(self, partition: Partition, bounds: Bounds) -> None:
        """The log reaches so far now. The last stable offset is where the oldest open transaction begins."""
        waiting = bounds.log_end - bounds.end
        if waiting <= 0:
            self._ended(partition)
            self._observer.uncommitted(partition.topic, partition.partition, 0, 0)
            return
        one = self._open.get(partition)
        if one is None or one.start != bounds.end:
            self._ended(partition)
            one = self._open[partition] = _Open(bounds.end, self._clock(), self._now_ms(), waiting)
        one.waiting = waiting
        self._observer.uncommitted(partition.topic, partition.partition, waiting, one.since_ms)
        self._say(partition, one)

    def forget(self, partition: Partition) -> None:
        """The partition is not read here any more."""
        self._open.pop(partition, None)

    def lasting(self) -> str:
        """Return what is to be said of the transactions that last too long; empty where none does."""
        now = self._clock()
        found = [
            f"{partition.topic}:{partition.partition}: {one.waiting} records wait behind a transaction that has been "
            f"open at offset {one.start} for {now - one.since_s:.0f} s: {self._cure(partition, one)}"
            for partition, one in sorted(self._open.copy().items())
            if now - one.since_s >= OPEN_MAX_S
        ]
        return "; ".join(found)

    def _say(self, partition: Partition, one: _Open) -> None:
        now = self._clock()
        if now - one.since_s < OPEN_MAX_S or (one.said_s is not None and now - one.said_s < REMIND_EVERY_S):
            return
        one.said_s = now
        _log.warning(
            "records wait behind an open transaction",
            topic=partition.topic,
            partition=partition.partition,
            records=one.waiting,
            open_at=one.start,
            seconds=round(now - one.since_s),
            cure=self._cure(partition, one),
        )

    def _ended(self, partition: Partition) -> None:
        one = self._open.pop(partition, None)
        if one is not None and one.said_s is not None:
            place = {"topic": partition.topic, "partition": partition.partition}
            _log.info("the transaction ended", **place, seconds=round(self._clock() - one.since_s))

    def _cure(self, partition: Partition, one: _Open) -> str:
        return transaction_cure(self._servers, partition, one.start)


def transaction_cure(servers: str, partition: Partition, start: int) -> str:
    """Return what to do about a transaction that is open at offset `start` and does not end."""
    place = f"--topic {shlex.quote(partition.topic)} --partition {partition.partition}"
    command = f"kafka-transactions.sh --bootstrap-server {shlex.quote(servers)}"
    return (
        "the brokers end it themselves at its producer's transaction.timeout.ms; where they do not, "
        f"`{command} find-hanging {place}` lists it, and `{command} abort {place} --start-offset {start}` ends it"
    )
