"""Where a partition is read from: asked of the buffer first, of Kafka last."""

from daemon.ingest.lane import Lane
from streaming.buffer import IngestBuffer
from streaming.records import Log
from streaming.source import Bounds, Committed, Partition, Source


class TruncatedLogError(Exception):
    """The log ends before the position: records that were read are gone, and others may stand in their places."""

    def __init__(self, log: Log, position: int, end: int) -> None:
        super().__init__(f"{log.topic}/{log.partition} ends at {end}, but {position} records of it were read")
        self.log = log
        self.position = position
        self.end = end


def open_lane(partition: Partition, log: Log, bounds: Bounds, buffer: IngestBuffer, source: Source) -> Lane:
    """Return the partition's state at its start. Raises TruncatedLogError, KafkaUnavailableError.

    Where to start: the stream's last id, else the learner's durable position left in the buffer, else the committed
    offset (another log's does not count), else the beginning.
    """
    tail = buffer.position(log)
    position = tail or _first_position(partition, log, buffer, source)
    if position is None:
        position = bounds.start
    # What is told as the end may lie below it: on the embedded broker it is the first record of the last batch, and 0
    # while a transaction is open. A fetch at the position knows.
    if position > bounds.end and source.beyond_end(partition, position):
        raise TruncatedLogError(log, position, bounds.end)
    return Lane(partition, log, tail, position, expired=max(0, bounds.start - position))


def _first_position(partition: Partition, log: Log, buffer: IngestBuffer, source: Source) -> int | None:
    learnt = buffer.learnt(log)
    if learnt is not None:
        return learnt
    committed = source.committed(partition)
    if committed is not None and committed.metadata == commit_word(log):
        return committed.offset
    return None


def commit_word(log: Log) -> str:
    """Return what is committed beside an offset, so that it never counts for another log of the same name."""
    return f"{log.topic_id}/{log.incarnation}" if log.incarnation else log.topic_id


def commitment(log: Log, learnt: int) -> Committed:
    """Return what to commit once everything below `learnt` is learnt for good."""
    return Committed(learnt, commit_word(log))
