"""Reads dead letters from their topic as far as it reaches now: without a group, and without leaving a trace."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError, translated
from streaming.letters import Letter, Place, letter_of

POLL_MS = 500
CALL_TIMEOUT_MS = 5_000
STALLED_S = 30.0
"""Without a record for so long it is given up: that is longer than a broker takes to come back."""
FETCH_BYTES = 4_194_304


@dataclass(frozen=True, slots=True)
class Found:
    """A record of the topic, and the letter that it is; None: no ingestor of ours put it there."""

    offset: int
    letter: Letter | None


class LetterReader:
    """Reads the dead letters of one topic. Everything raises KafkaUnavailableError and KafkaRefusedError."""

    def __init__(
        self, kafka: KafkaOptions, topic: str, suffix: str, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`topic` is that of the records, `suffix` what is added to it for its dead letters."""
        self._kafka = kafka
        self.topic = topic
        self._clock_s = clock_s
        self.dead_letters = f"{topic}{suffix}"
        self._consumer: Any = None

    def topic_id(self) -> str | None:
        """Return the id of the topic of dead letters; None where it does not exist. Nothing is made."""
        admin = KafkaAdmin(self._kafka)
        try:
            return admin.topic_ids([self.dead_letters]).get(self.dead_letters)
        finally:
            admin.close()

    def bounds(self) -> dict[int, tuple[int, int]]:
        """Return by partition the first offset and the end of now (the last stable offset)."""
        consumer = self._connected()
        with translated(self._kafka):
            places = [TopicPartition(self.dead_letters, one) for one in sorted(self._partitions())]
            starts = consumer.beginning_offsets(places, timeout_ms=CALL_TIMEOUT_MS)
            ends = consumer.end_offsets(places, timeout_ms=CALL_TIMEOUT_MS)
        return {place.partition: (starts[place], ends[place]) for place in places}

    def read_all(self) -> Iterator[Found]:
        """Yield what lies in every partition, one after the other."""
        for partition, (start, end) in self.bounds().items():
            yield from self.read(partition, start, end)

    def read(self, partition: int, start: int, end: int) -> Iterator[Found]:
        """Yield what lies in a partition from `start` to below `end`, in its order; offsets may hold no record."""
        consumer, place = self._connected(), TopicPartition(self.dead_letters, partition)
        with translated(self._kafka):
            consumer.assign([place])
            consumer.seek(place, start)
        progress, position = self._clock_s(), start
        while position < end:
            with translated(self._kafka):
                found: Mapping[Any, Any] = consumer.poll(timeout_ms=POLL_MS)
                reached = consumer.position(place, timeout_ms=CALL_TIMEOUT_MS)
            for record in found.get(place, ()):
                if record.offset >= end:
                    return
                yield Found(record.offset, self._letter(record))
            if reached > position:
                progress, position = self._clock_s(), reached
            elif self._clock_s() - progress > STALLED_S:
                where = f"{self.dead_letters}/{partition}"
                raise KafkaUnavailableError(f"{where} gives out nothing from offset {position} on, and ends at {end}")

    def close(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=CALL_TIMEOUT_MS)

    def _partitions(self) -> set[int]:
        return set(self._connected().partitions_for_topic(self.dead_letters) or ())

    def _letter(self, record: Any) -> Letter | None:
        place = Place(record.topic, record.partition, record.offset)
        return letter_of(place, record.timestamp, record.key, record.value, record.headers, self.topic)

    def _connected(self) -> Any:
        if self._consumer is None:
            with translated(self._kafka):
                self._consumer = self._kafka.new(
                    KafkaConsumer,
                    group_id=None,
                    enable_auto_commit=False,
                    auto_offset_reset="earliest",
                    isolation_level="read_committed",
                    allow_auto_create_topics=False,
                    max_partition_fetch_bytes=FETCH_BYTES,
                    metrics_enabled=False,
                )
        return self._consumer
