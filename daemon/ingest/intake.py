"""Takes one batch in. The order of its steps is what makes every record leave exactly one entry, whatever is killed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from daemon.ingest import faults
from daemon.ingest.delivery import Delivery
from daemon.ingest.feeder import Verdicts
from daemon.ingest.lane import Lane
from daemon.ingest.news import DeadLetterNews
from daemon.ingest.observer import IngestObserver
from streaming.buffer import IngestBuffer, Stale
from streaming.cloudevents import Sender, sender_of
from streaming.dead_letters import DeadLetter
from streaming.decoder import Decoded
from streaming.records import Record, RejectedRecord


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    stale: bool
    """The buffer stands elsewhere and has refused it: open the partition anew."""
    dead: int
    """Dead letters among it."""
    bytes_more: int
    """Bytes of pixels that went in."""


class Intake:
    """Turns decoded batches into buffered entries and dead letters."""

    def __init__(
        self,
        buffer: IngestBuffer,
        delivery: Delivery,
        observer: IngestObserver,
        news: DeadLetterNews,
        brake: str,
        reached: Callable[[str], None] = faults.nothing,
    ) -> None:
        """`brake` is the name under which the buffer counts outcomes."""
        self._buffer = buffer
        self._delivery = delivery
        self._observer = observer
        self._news = news
        self._brake = brake
        self._reached = reached

    def take(self, lane: Lane, records: Sequence[Record], decoding: Future[Verdicts]) -> Taken:
        """Take in `records`, the next of the lane. The topic's id was read after they were, and is the lane's.

        Raises UndeliverableError, BufferFullError (nothing was buffered) and BufferUnavailableError (nobody knows).
        """
        verdicts = decoding.result()
        self._reached(faults.DECODED)
        # Acknowledged before the marker is written: struck down between the two, the letter is sent twice, never lost.
        self._deliver(lane, records, verdicts)
        entries = lane.entries(records, verdicts)
        self._reached(faults.BEFORE_APPEND)
        # Only where the stream still ends at our tail: another owner, a loss or a redelivery makes the batch stale.
        senders = _senders(records, verdicts)
        sources = {record.offset: senders[record.offset].source for record in records if record.offset in senders}
        answer = self._buffer.append(lane.log, lane.tail, entries, self._brake, sources)
        self._reached(faults.APPENDED)
        if isinstance(answer, Stale):
            self._observer.duplicate(sum(record.offset < answer.position for record in records))
            return Taken(stale=True, dead=0, bytes_more=0)
        if lane.expired:
            self._observer.expired(lane.partition.topic, lane.partition.partition, lane.expired)
        lane.advance(answer.position)
        return self._tell(records, verdicts, senders)

    def _deliver(self, lane: Lane, records: Sequence[Record], verdicts: Verdicts) -> None:
        dead = _dead(records, verdicts)
        letters = [DeadLetter(record, why) for record, why in dead if record.offset not in lane.delivered]
        if not letters:
            return
        self._reached(faults.BEFORE_DEAD_LETTERS)
        self._delivery.send(letters)
        lane.delivered.update(letter.record.offset for letter in letters)
        self._reached(faults.DEAD_LETTERS_ACKNOWLEDGED)

    def _tell(self, records: Sequence[Record], verdicts: Verdicts, senders: Mapping[int, Sender]) -> Taken:
        dead = _dead(records, verdicts)
        self._observer.consumed(len(verdicts))
        self._observer.buffered(len(verdicts) - len(dead))
        for record, rejected in dead:
            self._observer.dead_lettered(rejected.reason)
            self._news.heard(record, rejected, senders[record.offset])
        bytes_more = sum(len(verdict.pixels) for verdict in verdicts if isinstance(verdict, Decoded))
        return Taken(stale=False, dead=len(dead), bytes_more=bytes_more)


def _dead(records: Sequence[Record], verdicts: Verdicts) -> list[tuple[Record, RejectedRecord]]:
    both = zip(records, verdicts, strict=True)
    return [(record, verdict) for record, verdict in both if isinstance(verdict, RejectedRecord)]


def _senders(records: Sequence[Record], verdicts: Verdicts) -> dict[int, Sender]:
    """Return, by offset, who sent what became a dead letter."""
    return {record.offset: sender_of(record) for record, _ in _dead(records, verdicts)}
