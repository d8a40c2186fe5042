"""The partitions that this ingestor owns: which are read, which wait to be opened, which stand still."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

import structlog

from daemon.ingest.cure import release_command
from daemon.ingest.lags import Lags
from daemon.ingest.lane import Lane
from daemon.ingest.observer import IngestObserver
from daemon.ingest.start import TruncatedLogError, open_lane
from daemon.ingest.transactions import Transactions
from streaming.buffer import IngestBuffer
from streaming.kafka_options import KafkaUnavailableError
from streaming.records import Log
from streaming.source import Bounds, Partition, Polled, Source, Unreadable

_log = structlog.get_logger()


class Lanes:
    """Every owned partition is either open, waiting to be opened, or stands still; only open ones are not paused.

    Methods raise KafkaUnavailableError, BufferUnavailableError and BufferFullError; what they have not done then is
    done when they are called again.
    """

    def __init__(
        self,
        source: Source,
        buffer: IngestBuffer,
        observer: IngestObserver,
        transactions: Transactions,
        lags: Lags,
        job: str,
    ) -> None:
        """`job` is named in cures alone."""
        self._transactions = transactions
        self._lags = lags
        self._job = job
        self._source = source
        self._buffer = buffer
        self._observer = observer
        self._topic_ids: dict[str, str] = {}
        self.open: dict[Partition, Lane] = {}
        self.waiting: set[Partition] = set()
        self.truncated: dict[Partition, Log] = {}
        self.unreadable: dict[Partition, Unreadable] = {}
        """These wait, and are not opened: what comes next in them cannot be read, nor be done without."""
        self._cut: dict[Partition, Log] = {}
        """Logs that were found truncated: that stands until they are released, also where the consumer is made anew."""
        self._unwell: dict[Partition, Log] = {}
        """Whose log it is that cannot be read."""

    def follow(self, polled: Polled) -> None:
        """Take over what a poll says of partitions."""
        logs = {partition: lane.log for partition, lane in self.open.items()}
        for partition in polled.revoked:
            self._forget(partition)
        for partition in polled.truncated & logs.keys():
            self._stop(partition, logs[partition], "the brokers hold other records than those that were read")
        for partition in polled.unreadable.keys() & logs.keys():
            self._stumble(partition, logs[partition], polled.unreadable[partition])
        for partition in polled.assigned:
            self._observer.assigned(partition.topic, partition.partition)
        for partition, records in polled.records.items():
            self._lags.polled(partition, records[0])
        self.waiting |= polled.assigned - self.truncated.keys()

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
        ready = {one for one in self.waiting if one.topic in topic_ids and one not in self.unreadable}
        for partition, bounds in self._source.bounds(ready).items():
            log = self._log_of(partition, topic_ids[partition.topic])
            if self._cut.get(partition) == log:
                self._stop(partition, log, "it was truncated, and is not released")
                continue
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
            self._lags.seen(partition, lane.resume_at, bounds.log_end)
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
        for partition in (*self.open, *self.waiting, *self.truncated, *self.unreadable):
            self._forget(partition)
        self._source.restart()
        return True

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
        """Tell the lag of each log that is read, and register it with its end, for the learner."""
        ends: list[tuple[Log, int]] = []
        for partition, bounds in self._source.bounds(self.open.keys()).items():
            lane = self.open[partition]
            reached = self._source.position(partition)
            self._lags.seen(partition, reached, bounds.log_end)
            self._transactions.seen(partition, bounds)
            ends.append((lane.log, _end_of(lane, bounds, reached)))
        for log, end in ends:  # after all was told: Redis may be full
            self._buffer.register(log, end)

    def look_on(self) -> None:
        """Tell the lag of what is not read while Redis is away: it grows all the same."""
        for partition, bounds in self._source.bounds(self.waiting).items():
            self._lags.ended(partition, bounds.log_end)
            self._transactions.seen(partition, bounds)

    def reopen_stopped(self) -> None:
        """Let those go on that can be read again, or whose batch or truncation an operator has let go.

        The next incarnation of a truncated log is another log.
        """
        for partition, batch in self.standing().items():
            self._look_again(partition, batch)
        for partition, log in tuple(self.truncated.items()):
            if self._buffer.incarnation(log.topic, log.topic_id, log.partition) > log.incarnation:
                del self.truncated[partition]
                self.waiting.add(partition)
                self._observer.stopped(partition.topic, partition.partition, truncated=False)

    def standing(self) -> dict[Partition, Unreadable]:
        """Return those of ours that wait because they cannot be read."""
        return {partition: batch for partition, batch in self.unreadable.items() if partition in self.waiting}

    def skip(self, partition: Partition) -> str:
        """Return the command that goes on behind what cannot be read in a partition."""
        batch = self.unreadable[partition]
        upto = batch.first if batch.last is None else batch.last
        return release_command(f"--partition {_name(partition)} --skip {upto}", self._job)

    def release(self, partition: Partition) -> str:
        """Return the command that opens a truncated partition anew."""
        return release_command(f"--partition {_name(partition)}", self._job)

    def _log_of(self, partition: Partition, topic_id: str) -> Log:
        incarnation = self._buffer.incarnation(partition.topic, topic_id, partition.partition)
        return Log(partition.topic, topic_id, partition.partition, incarnation)

    def _stop(self, partition: Partition, log: Log, reason: str) -> None:
        """Stand still: to go on would be to guess which records are which. The other partitions go on."""
        if self.open.pop(partition, None) is not None:
            self._source.pause([partition])
        self.waiting.discard(partition)
        self._lags.forget(partition)  # what lies between a position beyond the end and the end is no number of records
        self.truncated[partition] = self._cut[partition] = log
        self._observer.stopped(partition.topic, partition.partition, truncated=True)
        cure = f"find out why, then run: {self.release(partition)}"
        _log.error("log truncated: the partition stops", **_facts(log), reason=reason, cure=cure)

    def _stumble(self, partition: Partition, log: Log, batch: Unreadable) -> None:
        """Say what cannot be read. Where its records can be accounted for they become dead letters, else it waits."""
        facts = {"first": batch.first, "last": batch.last, "sha256": batch.sha256, "reason": batch.why}
        if batch.accountable:
            _log.error("a batch cannot be read: its records become dead letters", **_facts(log), **facts)
            return
        self.unreadable[partition] = batch
        self._unwell[partition] = log
        self._observer.unreadable(partition.topic, partition.partition, waits=True)
        _log.error("records cannot be read: the partition waits", **_facts(log), **facts, cure=self.cure(partition))

    def cure(self, partition: Partition) -> str:
        """Return what to do about what cannot be read in a partition."""
        command = self.skip(partition)
        if self.unreadable[partition].curable:
            return f"install what it names and start again, nothing is lost; to do without these records: {command}"
        return f"it is tried again every few seconds; to do without these records (they become dead letters): {command}"

    def _look_again(self, partition: Partition, batch: Unreadable) -> None:
        """Go on where it can be read by now, or where a person said so: then behind the batch."""
        skip = self._buffer.skip(self._unwell[partition])
        if skip is not None and batch.first <= skip <= (skip if batch.last is None else batch.last):
            given_up = replace(batch, last=skip if batch.last is None else batch.last)
            self._source.give_up(partition, given_up)
            _log.warning(
                "records are skipped", **_facts(self._unwell[partition]), first=batch.first, last=given_up.last
            )
        elif not self._is_readable(partition, batch.first):
            return
        self._recover(partition)

    def _is_readable(self, partition: Partition, offset: int) -> bool:
        try:
            return self._source.unreadable_at(partition, offset) is None
        except KafkaUnavailableError:
            return False  # its leader is away: that is no reason to leave the duties for the other partitions

    def _recover(self, partition: Partition) -> None:
        self._unwell.pop(partition, None)
        if self.unreadable.pop(partition, None) is not None:
            self._observer.unreadable(partition.topic, partition.partition, waits=False)

    def _forget(self, partition: Partition) -> None:
        self.open.pop(partition, None)
        self.waiting.discard(partition)
        self._recover(partition)
        if self.truncated.pop(partition, None) is not None:
            self._observer.stopped(partition.topic, partition.partition, truncated=False)
        self._transactions.forget(partition)
        self._lags.forget(partition)


def _end_of(lane: Lane, bounds: Bounds, reached: int) -> int:
    """Return the log's end as the learner needs it: where nothing is left to read, the chain's end.

    Above it lie then only markers of transactions, or what retention took; they never become entries.
    """
    return lane.position if reached >= bounds.end else bounds.end


def _facts(log: Log) -> dict[str, object]:
    return {"topic": log.topic, "partition": log.partition, "topic_id": log.topic_id, "incarnation": log.incarnation}


def _name(partition: Partition) -> str:
    return f"{partition.topic}:{partition.partition}"
