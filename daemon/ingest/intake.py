"""Takes one batch in. The order of its steps is what makes every record leave exactly one entry, whatever is killed."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from daemon.ingest import faults
from daemon.ingest.feeder import Verdicts
from daemon.ingest.lane import Lane
from daemon.ingest.observer import IngestObserver
from streaming.buffer import IngestBuffer, Stale
from streaming.dead_letters import DeadLetter
from streaming.decoder import Decoded
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError
from streaming.records import Record, RejectedRecord


class UndeliverableError(Exception):
    """A dead letter was not acknowledged, so its marker cannot be written, and nothing after it."""


class DeadLetterOffice(Protocol):
    """Where dead letters go: `streaming.dead_letters.DeadLetters`."""

    def topic_of(self, topic: str) -> str:
        """See DeadLetters."""
        ...

    def ensure(self, topic: str) -> bool:
        """See DeadLetters."""
        ...

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """See DeadLetters."""
        ...

    def close(self) -> None:
        """See DeadLetters."""
        ...


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
        dead_letters: DeadLetterOffice,
        observer: IngestObserver,
        brake: str,
        reached: Callable[[str], None] = faults.nothing,
    ) -> None:
        """`brake` is the name under which the buffer counts outcomes."""
        self._buffer = buffer
        self._dead_letters = dead_letters
        self._observer = observer
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
        answer = self._buffer.append(lane.log, lane.tail, entries, self._brake)
        self._reached(faults.APPENDED)
        if isinstance(answer, Stale):
            self._observer.duplicate(sum(record.offset < answer.position for record in records))
            return Taken(stale=True, dead=0, bytes_more=0)
        if lane.expired:
            self._observer.expired(lane.partition.topic, lane.partition.partition, lane.expired)
        lane.advance(answer.position)
        return self._tell(verdicts)

    def _deliver(self, lane: Lane, records: Sequence[Record], verdicts: Verdicts) -> None:
        letters = [
            DeadLetter(record, verdict)
            for record, verdict in zip(records, verdicts, strict=True)
            if isinstance(verdict, RejectedRecord) and record.offset not in lane.delivered
        ]
        if not letters:
            return
        self._reached(faults.BEFORE_DEAD_LETTERS)
        try:
            self._dead_letters.send(letters)
        except KafkaRefusedError as error:
            raise UndeliverableError(f"{error} {error.cure}") from error
        except (KafkaUnavailableError, TopicMissingError) as error:
            raise UndeliverableError(str(error)) from error
        lane.delivered.update(letter.record.offset for letter in letters)
        self._reached(faults.DEAD_LETTERS_ACKNOWLEDGED)

    def _tell(self, verdicts: Verdicts) -> Taken:
        reasons = [verdict.reason for verdict in verdicts if isinstance(verdict, RejectedRecord)]
        self._observer.consumed(len(verdicts))
        self._observer.buffered(len(verdicts) - len(reasons))
        for reason in reasons:
            self._observer.dead_lettered(reason)
        bytes_more = sum(len(verdict.pixels) for verdict in verdicts if isinstance(verdict, Decoded))
        return Taken(stale=False, dead=len(reasons), bytes_more=bytes_more)
