"""The partitions that this ingestor owns: which are read, which wait to be opened, which stand still."""

from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from daemon.ingest.cure import release_command
from daemon.ingest.lane import Lane
from daemon.ingest.observer import IngestObserver
from daemon.ingest.start import TruncatedLogError, open_lane
from streaming.buffer import IngestBuffer
from streaming.records import Log
from streaming.source import Bounds, Partition, Polled, Source

_log = structlog.get_logger()


class Lanes:
    """Every owned partition is either open, waiting to be opened, or stands still; only open ones are not paused.

    Methods raise KafkaUnavailableError, BufferUnavailableError and BufferFullError; what they have not done then is
    done when they are called again.
    """

    def __init__(self, source: Source, buffer: IngestBuffer, observer: IngestObserver, job: str) -> None:
        """`job` is named in cures alone."""
        self._job = job
        self._source = source
        self._buffer = buffer
        self._observer = observer
        self._topic_ids: dict[str, str] = {}
        self.open: dict[Partition, Lane] = {}
        self.waiting: set[Partition] = set()
        self.truncated: dict[Partition, Log] = {}
        self.unreadable: set[Partition] = set()
        """Open or not, these stumbled over a record and have not got past it."""
        self._resting: set[Partition] = set()

    def follow(self, polled: Polled) -> None:
        """Take over what a poll says of partitions."""
        for partition in polled.revoked:
            self._forget(partition)
        self.waiting |= polled.assigned
        for partition in polled.truncated & self.open.keys():
            lane = self.open[partition]
            self._stop(partition, lane.log, "the brokers hold other records than those that were read")
        self.close(polled.out_of_range)
        for partition in polled.unreadable & self.open.keys():
            self._rest(partition, self.open.pop(partition))

    def close(self, partitions: Iterable[Partition]) -> None:
        """Read these no further, and open them anew."""
        closing = {partition for partition in partitions if partition in self.open}
        for partition in closing:
            del self.open[partition]
        self.waiting |= closing
        if closing:
            self._source.pause(closing)

    def close_all(self) -> None:
        """Read nothing further, and open all anew: the buffer may not be what we think."""
        self.close(tuple(self.open))

    def open_waiting(self, *, resume: Callable[[str], bool]) -> None:
        """Open what waits and can be opened; `resume` says of which topics to read on from there."""
        if not self.waiting:
            return
        topic_ids = self._source.topic_ids()
        if self.replaced(topic_ids):
            return
        ready = {partition for partition in self.waiting if partition.topic in topic_ids}
        for partition, bounds in self._source.bounds(ready).items():
            log = self._log_of(partition, topic_ids[partition.topic])
            try:
                lane = open_lane(partition, log, bounds, self._buffer, self._source)
            except TruncatedLogError as error:
                if self.replaced(self._source.topic_ids()):
                    return
                self._stop(partition, log, str(error))
                continue
            self._buffer.register(log, _end_of(lane, bounds, lane.resume_at))
            self._source.start(partition, lane.resume_at)
            self.waiting.discard(partition)
            self.open[partition] = lane
            _log.info("reading", **_facts(log), position=lane.position, expired=lane.expired, end=bounds.end)
            if lane.expired:
                cure = (
                    "nothing brings them back: keep records longer (retention.ms), or find out why they waited so long"
                )
                gap = {"offsets": lane.expired, "first": lane.position, "next": lane.resume_at}
                _log.warning("records expired before they were read", **_facts(log), **gap, cure=cure)
            self._observer.lag(partition.topic, partition.partition, bounds.end - lane.resume_at)
            if resume(partition.topic):
                self._source.resume([partition])

    def replaced(self, topic_ids: Mapping[str, str]) -> bool:
        """Compare with the ids known so far. Where a topic is another now, begin anew with everything.

        The client may have read ahead what was the other topic's, and would give it out for the new one's; only a new
        client surely does not. A topic that is gone is closed, until it is there again.
        """
        gone = {partition for partition, lane in self.open.items() if partition.topic not in topic_ids}
        if gone:
            _log.warning("a topic is gone", partitions=[_name(partition) for partition in sorted(gone)])
            self.close(gone)
        changed = {topic for topic, one in topic_ids.items() if self._topic_ids.get(topic, one) != one}
        self._topic_ids |= topic_ids
        if not changed:
            return False
        _log.warning("a topic was deleted and made again: reading it as another log", topics=sorted(changed))
        for partition in (*self.open, *self.waiting, *self.truncated, *self._resting):
            self._forget(partition)
        self._source.restart()
        return True

    def passed(self, partition: Partition) -> None:
        """Records of it were taken in: it is past what it stumbled over."""
        self.unreadable.discard(partition)

    def rewind(self, partitions: Collection[Partition]) -> None:
        """Read these again from where their chains end: records in hand are given up."""
        for partition in partitions:
            lane = self.open.get(partition)
            if lane is not None:
                self._source.start(partition, lane.resume_at)

    def compare(self) -> None:
        """Open those anew whose stream does not end where we left it, or whose learner has set its position back."""
        moved = {one: self._buffer.position(lane.log) for one, lane in self.open.items()}
        for partition, position in moved.items():
            lane = self.open[partition]
            if position != lane.tail:
                _log.warning("the buffer is not where we left it", **_facts(lane.log), ours=lane.tail, buffer=position)
                self.close([partition])
            elif lane.tail == 0 and (learnt := self._buffer.learnt(lane.log)) is not None and learnt < lane.position:
                _log.warning("the learner begins anew", **_facts(lane.log), ours=lane.position, learnt=learnt)
                self.close([partition])

    def report(self) -> None:
        """Register each log with its end, for the learner, and tell its lag."""
        for partition, bounds in self._source.bounds(self.open.keys()).items():
            lane = self.open[partition]
            reached = self._source.position(partition)
            self._buffer.register(lane.log, _end_of(lane, bounds, reached))
            self._observer.lag(partition.topic, partition.partition, max(0, bounds.end - reached))

    def reopen_stopped(self) -> None:
        """Try those again that could not be read, and open those anew whose truncation an operator has released.

        The next incarnation of a truncated log is another log.
        """
        self.waiting |= self._resting
        self._resting.clear()
        for partition, log in tuple(self.truncated.items()):
            if self._buffer.incarnation(log.topic, log.topic_id, log.partition) > log.incarnation:
                del self.truncated[partition]
                self.waiting.add(partition)
                self._observer.stopped(partition.topic, partition.partition, truncated=False)

    def release(self, partition: Partition) -> str:
        """Return the command that opens a truncated partition anew."""
        return release_command(f"--partition {_name(partition)}", self._job)

    def _log_of(self, partition: Partition, topic_id: str) -> Log:
        incarnation = self._buffer.incarnation(partition.topic, topic_id, partition.partition)
        return Log(partition.topic, topic_id, partition.partition, incarnation)

    def _stop(self, partition: Partition, log: Log, reason: str) -> None:
        """Stand still: to go on would be to guess which records are which. The other partitions go on."""
        self.open.pop(partition, None)
        self.waiting.discard(partition)
        self.truncated[partition] = log
        self._source.pause([partition])
        self._observer.stopped(partition.topic, partition.partition, truncated=True)
        cure = f"find out why, then run: {self.release(partition)}"
        _log.error("log truncated: the partition stops", **_facts(log), reason=reason, cure=cure)

    def _rest(self, partition: Partition, lane: Lane) -> None:
        """Leave it alone for a while: a batch damaged on its way will be whole, any other needs a person."""
        self._resting.add(partition)
        if partition not in self.unreadable:
            self.unreadable.add(partition)
            cure = "look at the record; kafka-delete-records up to behind it goes on without it (counted as expired)"
            _log.error("a record cannot be read: the partition waits", **_facts(lane.log), at=lane.position, cure=cure)

    def _forget(self, partition: Partition) -> None:
        self.open.pop(partition, None)
        for states in (self.waiting, self.unreadable, self._resting):
            states.discard(partition)
        if self.truncated.pop(partition, None) is not None:
            self._observer.stopped(partition.topic, partition.partition, truncated=False)
        self._observer.lag(partition.topic, partition.partition, None)


def _end_of(lane: Lane, bounds: Bounds, reached: int) -> int:
    """Return the log's end as the learner needs it: where nothing is left to read, the chain's end.

    Above it lie then only markers of transactions, or what retention took; they never become entries.
    """
    return lane.position if reached >= bounds.end else bounds.end


def _facts(log: Log) -> dict[str, object]:
    return {"topic": log.topic, "partition": log.partition, "topic_id": log.topic_id, "incarnation": log.incarnation}


def _name(partition: Partition) -> str:
    return f"{partition.topic}:{partition.partition}"
