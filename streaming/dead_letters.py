"""Records that can never become samples go to `<topic>.dlq`, and are acknowledged there before anything else happens.

What arrives is the original record, with what went wrong in headers named as Kafka Connect names them. Delivered at
least once: topic, partition and offset in the headers tell twins apart.

The producer is not idempotent, for kafka-python 3.0.12's idempotent one fails for good after the first record that the
brokers refuse for its size (tried). It keeps one request in flight, so the order holds; and each record is a batch of
its own, so that one that is too large takes no other with it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer, errors
from kafka.serializer import Serializer

from streaming.kafka_admin import KafkaAdmin, TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError, translated
from streaming.records import Reason, Record, RejectedRecord

SEND_TIMEOUT_S = 10.0
"""How long the brokers may take to acknowledge before the whole batch is tried again later."""
METADATA_TIMEOUT_MS = 3_000
REQUEST_BYTES_MAX = 1_000_000_000
"""No limit of the client's own: what is too large is for the brokers to say."""

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_HEADER_REASONS = frozenset({Reason.MISSING_LABEL, Reason.INVALID_LABEL, Reason.UNKNOWN_LABEL})

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and the verdict on it."""

    record: Record
    rejection: RejectedRecord


@dataclass(frozen=True, slots=True)
class DeadLetterOptions:
    """Where dead letters go. A topic that is made gets as many partitions as the one it belongs to."""

    suffix: str = ".dlq"
    create_topics: bool = False


class DeadLetters:
    """Delivers dead letters. Connects with the first one."""

    def __init__(self, kafka: KafkaOptions, options: DeadLetterOptions) -> None:
        self._kafka = kafka
        self._options = options
        self._admin = KafkaAdmin(kafka)
        self._producer: Any = None
        self._ensured: set[str] = set()

    def topic_of(self, topic: str) -> str:
        """Return where the dead letters of `topic` go."""
        return f"{topic}{self._options.suffix}"

    def ensure(self, topic: str) -> bool:
        """Return whether the topic for the dead letters of `topic` exists; with `create_topics` it is made.

        Raises KafkaUnavailableError, KafkaRefusedError.
        """
        target = self.topic_of(topic)
        if not self._admin.topic_ids([target]):
            self._ensured.discard(target)
            if not self._options.create_topics:
                return False
            self._admin.create(target, max(1, self._admin.partitions(topic)))
        self._ensured.add(target)
        return True

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Return once Kafka has acknowledged every one. Otherwise some may have arrived: send all again.

        Raises TopicMissingError, KafkaUnavailableError, KafkaRefusedError.
        """
        for topic in {letter.record.topic for letter in letters}:
            if self.topic_of(topic) not in self._ensured and not self.ensure(topic):
                raise TopicMissingError(self.topic_of(topic), self._kafka.bootstrap_servers)
        try:
            self._send(letters)
        except KafkaUnavailableError:
            # A client whose topic was deleted waits for it, and then says that nobody answers.
            for topic in {letter.record.topic for letter in letters}:
                if not self.ensure(topic):
                    raise TopicMissingError(self.topic_of(topic), self._kafka.bootstrap_servers) from None
            raise

    def _send(self, letters: Sequence[DeadLetter]) -> None:
        with translated(self._kafka):
            refused = list(self._deliver([(one.record, headers_of(one), one.record.value) for one in letters]))
            again = [(record, [*headers, *_instead_of(record.value)], None) for record, headers in refused]
            for record, _headers in self._deliver(again):
                raise KafkaUnavailableError(
                    f"{self.topic_of(record.topic)} refuses even key and headers of offset {record.offset} of "
                    f"{record.topic}/{record.partition} as too large: raise its max.message.bytes"
                )

    def close(self) -> None:
        """Close the connections. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)
        self._admin.close()

    def _deliver(self, letters: Sequence[tuple[Record, Headers, bytes | None]]) -> Iterator[tuple[Record, Headers]]:
        """Send, wait, and yield those that were refused for their size."""
        producer = self._connected()
        sent = []
        for record, headers, value in letters:
            future = producer.send(
                self.topic_of(record.topic), key=_Part(record.key), value=_Part(value), headers=_Headers(headers)
            )
            sent.append((record, headers, future))
        for record, headers, future in sent:
            try:
                future.get(timeout=SEND_TIMEOUT_S)
            except _TOO_LARGE:
                yield record, headers
            except errors.UnknownTopicOrPartitionError as error:
                self._ensured.discard(self.topic_of(record.topic))
                raise TopicMissingError(self.topic_of(record.topic), self._kafka.bootstrap_servers) from error

    def _connected(self) -> Any:
        if self._producer is None:
            request_ms = min(self._kafka.request_timeout_ms, int(SEND_TIMEOUT_S * 500))
            self._producer = KafkaProducer(
                **self._kafka.client() | {"request_timeout_ms": request_ms},
                acks="all",
                enable_idempotence=False,
                max_in_flight_requests_per_connection=1,
                batch_size=0,
                max_request_size=REQUEST_BYTES_MAX,
                max_block_ms=METADATA_TIMEOUT_MS,
                delivery_timeout_ms=int(SEND_TIMEOUT_S * 1000),
                metrics_enabled=False,
                key_serializer=_PartSerializer(),
                value_serializer=_PartSerializer(),
            )
        return self._producer


def headers_of(letter: DeadLetter) -> Headers:
    """Return the record's own headers, in order, then ours: where one of ours stood there already, the last counts."""
    record, rejection = letter.record, letter.rejection
    stage = "HEADER_CONVERTER" if rejection.reason in _HEADER_REASONS else "VALUE_CONVERTER"
    ours = {
        "__connect.errors.topic": record.topic,
        "__connect.errors.partition": str(record.partition),
        "__connect.errors.offset": str(record.offset),
        "__connect.errors.stage": stage,
        "__connect.errors.exception.class.name": f"{type(rejection).__module__}.{type(rejection).__qualname__}",
        "__connect.errors.exception.message": str(rejection),
        "tidemill.reason": rejection.reason.value,
    }
    return [*record.headers, *((name, text.encode("utf-8", "replace")) for name, text in ours.items())]


def _instead_of(value: bytes | None) -> Headers:
    whole = value or b""
    digest = hashlib.sha256(whole).hexdigest()
    return [("tidemill.value_bytes", str(len(whole)).encode()), ("tidemill.value_sha256", digest.encode())]


@dataclass(frozen=True, slots=True)
class _Part:
    """A key or a value that may be null: kafka-python refuses a record where both are, though Kafka does not."""

    data: bytes | None


class _Headers(list[tuple[str, bytes | None]]):
    """Headers of which some are null: kafka-python checks that none is, and writes them well where it does not look.

    It checks before it calls the serializers, and writes after; the empty ones it would only count where it takes the
    list for true.
    """

    def __init__(self, headers: Headers) -> None:
        super().__init__((name, value or b"") for name, value in headers)
        self._original = headers

    def __bool__(self) -> bool:
        return False

    def restore(self) -> None:
        self[:] = self._original


class _PartSerializer(Serializer):  # type: ignore[misc] # the client has no types
    def serialize(self, topic: str, headers: _Headers, data: _Part) -> bytes | None:
        """Return the bytes; the headers' nulls come back."""
        headers.restore()
        return data.data
