"""Commits to Kafka what is learnt for good, so that a lost buffer refills from there by itself."""

from collections.abc import Callable, Iterable

from daemon.ingest import faults
from daemon.ingest.lane import Lane
from daemon.ingest.start import commitment
from streaming.buffer import IngestBuffer
from streaming.source import Source


class Commits:
    """The learner has no Kafka; it leaves its positions in the buffer, and the partitions' owners commit them."""

    def __init__(self, source: Source, buffer: IngestBuffer, reached: Callable[[str], None] = faults.nothing) -> None:
        self._source = source
        self._buffer = buffer
        self._reached = reached

    def commit(self, lanes: Iterable[Lane]) -> None:
        """Commit the positions that changed. Raises KafkaUnavailableError, KafkaRefusedError, BufferUnavailableError.

        Where the group is changing hands nothing is committed now; the next call, or the next owner, does it.
        """
        learnt = {lane.partition: (lane, self._buffer.learnt(lane.log)) for lane in lanes}
        changed = {
            partition: (lane, position)
            for partition, (lane, position) in learnt.items()
            if position is not None and position != lane.committed
        }
        if not changed:
            return
        self._reached(faults.BEFORE_COMMIT)
        offsets = {partition: commitment(lane.log, position) for partition, (lane, position) in changed.items()}
        if self._source.commit(offsets):
            for lane, position in changed.values():
                lane.committed = position
        self._reached(faults.COMMITTED)
