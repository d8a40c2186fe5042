"""Dead letters that Kafka does not take: their topic waits for them, they are tried again, and nothing else waits."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.ingest.lane import Lane
from daemon.outage import SILENT, Need, Outage, OutageObserver
from streaming.dead_letters import DeadLetter
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError
from streaming.source import Bounds, Partition

RETRY_MAX_S = 5.0
"""Between two tries: a try sends a letter that is at hand, and nothing is read for it."""
HELD_BYTES_MAX = 16_000_000
"""Letters that are held for a next try; of a larger one the record is read again."""


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


class UndeliverableError(Exception):
    """Dead letters were not acknowledged, so their markers cannot be written, and nothing after them."""

    def __init__(self, reason: str, letters: Sequence[DeadLetter]) -> None:
        super().__init__(reason)
        self.letters = letters


@dataclass(frozen=True, slots=True)
class _Stuck:
    """What a partition waits for."""

    letters: tuple[DeadLetter, ...]
    """The first that did not arrive; empty where they are too large to be held, and are read again."""
    offset: int
    reason: str
    waits: bool = True
    """False: its records are read again, and will show."""


class Delivery:
    """Sends dead letters, and knows the topics that wait for one."""

    def __init__(self, office: DeadLetterOffice, clock: Callable[[], float], outages: OutageObserver = SILENT) -> None:
        """`clock` gives seconds that only grow."""
        self._office = office
        self._outage = Outage(
            "delivery of dead letters", Need.DEAD_LETTERS, clock, observer=outages, delay_max_s=RETRY_MAX_S
        )
        self._stuck: dict[Partition, _Stuck] = {}

    @property
    def reason(self) -> str:
        """Why, for as long as something waits; else empty."""
        return self._outage.reason

    @property
    def topics(self) -> frozenset[str]:
        """The topics that wait: of these no records are taken."""
        return frozenset(partition.topic for partition, stuck in self._stuck.items() if stuck.waits)

    @property
    def due(self) -> bool:
        """Whether something waits and is to be tried again now."""
        return self._outage.ongoing and self._outage.due

    @property
    def partitions(self) -> frozenset[Partition]:
        """Those that wait."""
        return frozenset(self._stuck)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Return once Kafka has acknowledged every one. Raises UndeliverableError."""
        try:
            self._office.send(letters)
        except KafkaRefusedError as error:
            raise UndeliverableError(f"{error} {error.cure}", letters) from error
        except (KafkaUnavailableError, TopicMissingError) as error:
            raise UndeliverableError(str(error), letters) from error

    def failed(self, error: UndeliverableError) -> None:
        """Note what `send` raised, of letters of one partition."""
        first = error.letters[0].record
        partition = Partition(first.topic, first.partition)
        room = HELD_BYTES_MAX - sum(one.size for stuck in self._stuck.values() for one in stuck.letters)
        self._stuck[partition] = _Stuck(_held(error.letters, room), first.offset, str(error))
        self._outage.failed(str(error))

    def forget(self, partitions: Collection[Partition]) -> None:
        """These wait for nothing any more: their records were taken in, or they are not ours."""
        for partition in self._stuck.keys() & set(partitions):
            del self._stuck[partition]
        if not self._stuck:
            self._outage.recovered()

    def retry(self, bounds: Mapping[Partition, Bounds], lanes: Mapping[Partition, Lane]) -> None:
        """Try what waits again, one letter after the other; what retention or a person took meanwhile waits no more.

        `bounds`: what the logs of `partitions` hold now, as far as that is known. What arrives is noted in its lane, so
        that it is not sent a second time when its record is read again.
        """
        for partition, stuck in tuple(self._stuck.items()):
            lane = lanes.get(partition)
            gone = partition in bounds and bounds[partition].start > stuck.offset
            left = None if gone else stuck if lane is None else self._tried(stuck, lane)
            if left is None:
                del self._stuck[partition]
            else:
                self._stuck[partition] = left
        if self._stuck:
            self._outage.failed("; ".join(sorted({stuck.reason for stuck in self._stuck.values()})))
        else:
            self._outage.recovered()

    def _tried(self, stuck: _Stuck, lane: Lane) -> _Stuck | None:
        """Return what is left of it; None: nothing."""
        if lane.resume_at > stuck.offset:
            return None
        if not stuck.letters:
            return replace(stuck, waits=False)
        for sent, letter in enumerate(stuck.letters):
            try:
                self.send([letter])
            except UndeliverableError as error:
                return replace(stuck, letters=stuck.letters[sent:], reason=str(error), waits=True)
            lane.delivered.add(letter.record.offset)
        return None


def _held(letters: Sequence[DeadLetter], room: int) -> tuple[DeadLetter, ...]:
    """Return the first letters, as many as there is room for, in bytes."""
    held = []
    for letter in letters:
        room -= letter.size
        if room < 0:
            break
        held.append(letter)
    return tuple(held)
