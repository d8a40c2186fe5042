"""Records that can never become samples go to `<topic>.dlq`, and are acknowledged there before anything else happens.

What arrives is the original record, with what went wrong in headers named as Kafka Connect names them; what the topic
does not take for its size leaves size and digest (`letter_forms`). Delivered at least once: topic, partition and offset
in the headers tell twins apart.

The producer is not idempotent, for kafka-python 3.0.12's idempotent one fails for good after the first record that the
brokers refuse for its size (tried). It keeps one request in flight, so the order holds; and each record is a batch of
its own, so that one that is too large takes no other with it. Batches are gzip, which every consumer can read.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer, errors

from streaming.kafka_admin import KafkaAdmin, TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError, translated
from streaming.letter_forms import Form, Header, forms, header_bytes
from streaming.letter_limits import LetterLimits
from streaming.records import Reason, Record, RejectedRecord
from streaming.untouched import Part, PartSerializer, UntouchedHeaders

SEND_TIMEOUT_S = 10.0
"""How long the brokers may take to acknowledge before the whole batch is tried again later."""
METADATA_TIMEOUT_MS = 3_000
REQUEST_BYTES_MAX = 1_000_000_000
"""No limit of the client's own, which would count before compression: what the brokers take is asked."""

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_HEADER_REASONS = frozenset({Reason.MISSING_LABEL, Reason.INVALID_LABEL, Reason.UNKNOWN_LABEL})

Headers = list[Header]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and the verdict on it."""

    record: Record
    rejection: RejectedRecord

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        record = self.record
        return len(record.key or b"") + len(record.value or b"") + header_bytes(record.headers)


@dataclass(frozen=True, slots=True)
class DeadLetterOptions:
    """Where dead letters go. A topic that is made gets as many partitions as the one it belongs to."""

    suffix: str = ".dlq"
    create_topics: bool = False
    bytes_max: int = 20_000_000
    """Of a letter before it is compressed: what is larger goes without its value, whatever the topic would take."""


class DeadLetters:
    """Delivers dead letters. Connects with the first one."""

    def __init__(
        self, kafka: KafkaOptions, options: DeadLetterOptions, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock_s` never goes back; it says when what a topic takes is asked again."""
        self._kafka = kafka
        self._options = options
        self._admin = KafkaAdmin(kafka)
        self._limits = LetterLimits(self._admin, clock_s)
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

        Each goes in the fullest form that its topic takes: what it takes is asked, and found out by trying where the
        brokers do not tell. Raises TopicMissingError, KafkaUnavailableError, KafkaRefusedError.
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
        left = [_Unsent(letter.record, _forms(letter)) for letter in letters]
        while left:
            sending = [(one, self._next_form(one)) for one in left]
            with translated(self._kafka):
                left = list(self._deliver(sending))
            for one in left:  # its topic takes less than it said, or than was asked: it may pack batches anew
                self._limits.forget(self.topic_of(one.record.topic))

    def close(self) -> None:
        """Close the connections. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)
        self._admin.close()

    def _next_form(self, unsent: "_Unsent") -> Form:
        """Return the next form that may be taken. Raises KafkaUnavailableError where none is left."""
        record, topic = unsent.record, self.topic_of(unsent.record.topic)
        bytes_max = self._limits.batch_bytes_max(topic)
        for form in unsent.forms:
            unsent.least = form.plain_bytes
            if form.plain_bytes <= self._options.bytes_max and form.fits(bytes_max):
                return form
        self._limits.forget(topic)  # the next try asks whether it was raised
        raise KafkaUnavailableError(
            f"{topic} takes batches of {bytes_max} bytes at most, and offset {record.offset} of {record.topic}/"
            f"{record.partition} needs about {unsent.least} without its value, key and headers: raise its "
            "max.message.bytes (or the brokers' socket.request.max.bytes)"
        )

    def _deliver(self, sending: Sequence[tuple["_Unsent", Form]]) -> Iterator["_Unsent"]:
        """Send, wait, and yield those that were refused for their size."""
        producer = self._connected()
        sent = []
        for unsent, form in sending:
            topic = self.topic_of(unsent.record.topic)
            headers = UntouchedHeaders(list(form.headers))
            sent.append((unsent, producer.send(topic, key=Part(form.key), value=Part(form.value), headers=headers)))
        for unsent, future in sent:
            try:
                future.get(timeout=SEND_TIMEOUT_S)
            except _TOO_LARGE:
                yield unsent
            except errors.UnknownTopicOrPartitionError as error:
                topic = self.topic_of(unsent.record.topic)
                self._ensured.discard(topic)
                raise TopicMissingError(topic, self._kafka.bootstrap_servers) from error

    def _connected(self) -> Any:
        if self._producer is None:
            request_ms = min(self._kafka.request_timeout_ms, int(SEND_TIMEOUT_S * 500))
            self._producer = self._kafka.new(
                KafkaProducer,
                request_timeout_ms=request_ms,
                acks="all",
                enable_idempotence=False,
                compression_type="gzip",
                max_in_flight_requests_per_connection=1,
                batch_size=0,
                max_request_size=REQUEST_BYTES_MAX,
                max_block_ms=METADATA_TIMEOUT_MS,
                delivery_timeout_ms=int(SEND_TIMEOUT_S * 1000),
                metrics_enabled=False,
                key_serializer=PartSerializer(),
                value_serializer=PartSerializer(),
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


def _forms(letter: DeadLetter) -> Iterator[Form]:
    headers, theirs = headers_of(letter), len(letter.record.headers)
    return forms(letter.record.key, letter.record.value, headers[:theirs], headers[theirs:])


@dataclass(slots=True)
class _Unsent:
    """A letter and the forms of it that were not tried yet."""

    record: Record
    forms: Iterator[Form]
    least: int = 0
    """The size of the last that was looked at."""
