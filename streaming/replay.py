"""Sends records that became dead letters back to their topic, each once.

Kafka's transactions make it once: a batch of records and the note that they were sent are committed together, or
neither is. The note is the group's committed offset (`replay_marks`). A replay that dies within a batch leaves a
transaction that nobody reads; the next one ends it before it looks at what is done.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition, errors
from kafka.structs import OffsetAndMetadata

from streaming.kafka_admin import KafkaAdmin, TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaRefusedError, translated
from streaming.letter_forms import Form
from streaming.letter_reader import LetterReader
from streaming.letters import REPLAYED_FROM, Letter
from streaming.replay_marks import Marks, marks_of
from streaming.untouched import Part, PartSerializer, UntouchedHeaders

BATCH_LETTERS = 200
BATCH_BYTES = 8_000_000
"""What is sent in one transaction, and so held in memory."""
SEND_TIMEOUT_S = 30.0
TRANSACTION_TIMEOUT_MS = 60_000
"""A replay that died is forgotten by then: until then readers of committed records wait behind it."""
CALL_TIMEOUT_MS = 10_000
TOLD_MAX = 20
"""Letters that are named of each kind of those that were not sent."""

_FENCED = (errors.ProducerFencedError, errors.InvalidProducerEpochError)


class ReplayTakenOverError(Exception):
    """Another replay of the same job has begun since, and this one may send nothing more."""


@dataclass(slots=True)
class Replayed:
    """What became of the letters of a topic."""

    sent: int = 0
    before: int = 0
    """Sent by an earlier replay."""
    not_asked: int = 0
    """Of other reasons."""
    foreign: int = 0
    """Records that no ingestor of ours put there."""
    lost: int = 0
    """Letters that are not whole."""
    too_large: int = 0
    """Whole letters that the topic takes no more."""
    told: list[Letter] = field(default_factory=list)
    """The first of the lost and the too large ones."""

    def tell(self, letter: Letter) -> None:
        """Keep a letter that was not sent, to name it: without its value."""
        if len(self.told) < TOLD_MAX:
            self.told.append(letter)


class Replayer:
    """Replays dead letters of a job's topics."""

    def __init__(self, kafka: KafkaOptions, group: str, *, dry: bool = False) -> None:
        """`group` is where it is noted what was sent, and the name of the transactions. `dry`: nothing is sent."""
        self._kafka = kafka
        self._group = group
        self._dry = dry
        self._admin = KafkaAdmin(kafka)
        self._producer: Any = None
        self._marks: Any = None

    def replay(self, reader: LetterReader, topic: str, wanted: Callable[[Letter], bool]) -> Replayed:
        """Send every wanted letter of `topic` that was not sent before. What fails has sent whole batches only.

        Raises TopicMissingError, ScatteredError, ReplayTakenOverError, KafkaUnavailableError, KafkaRefusedError.
        """
        partitions = self._admin.partitions(topic)
        if not partitions:
            raise TopicMissingError(topic, self._kafka.bootstrap_servers)
        topic_id = reader.topic_id()
        told = Replayed()
        if topic_id is None:
            return told
        self._begin()
        bytes_max = self._admin.message_bytes_max(topic)
        for partition, (start, end) in reader.bounds().items():
            place = TopicPartition(reader.dead_letters, partition)
            run = _Partition(self._marks_at(place, topic_id), start, wanted, bytes_max, told)
            for batch in run.batches(reader, partition, end):
                if not self._dry:
                    self._commit(place, topic_id, run, batch, partitions)
                told.sent += len(batch)
        return told

    def close(self) -> None:
        """Close the connections. A batch that was not committed is given up."""
        for client in (self._producer, self._marks, self._admin):
            if client is not None:
                client.close()

    def _begin(self) -> None:
        """End what an earlier replay left open, before it is asked what is done."""
        if self._producer is None and not self._dry:
            with self._transacting():
                self._producer = self._new_producer()
                self._producer.init_transactions()

    def _marks_at(self, place: TopicPartition, topic_id: str) -> Marks:
        with translated(self._kafka):
            if self._marks is None:
                self._marks = self._kafka.new(
                    KafkaConsumer,
                    group_id=self._group,
                    enable_auto_commit=False,
                    # Waits for the end of a transaction that may have noted more.
                    isolation_level="read_uncommitted" if self._dry else "read_committed",
                    metrics_enabled=False,
                )
            found = self._marks.committed(place, metadata=True, timeout_ms=CALL_TIMEOUT_MS)
        return Marks() if found is None else marks_of(found.offset, found.metadata or "", topic_id)

    def _commit(
        self, place: TopicPartition, topic_id: str, run: "_Partition", batch: list[Letter], partitions: int
    ) -> None:
        """Send a batch and note it: both, or neither."""
        note = OffsetAndMetadata(run.marks.low, run.marks.word(topic_id), -1)
        with self._transacting():
            self._producer.begin_transaction()
            try:
                sent = [(letter, self._send(letter, partitions)) for letter in batch]
                for letter, future in sent:
                    self._await(letter, future)
                self._producer.send_offsets_to_transaction({place: note}, self._group)
                self._producer.commit_transaction()
            except (errors.KafkaError, KafkaRefusedError):
                # Where even that fails the brokers forget the transaction in time, or the next replay ends it.
                with contextlib.suppress(errors.KafkaError):
                    self._producer.abort_transaction()
                raise

    def _send(self, letter: Letter, partitions: int) -> Any:
        record = letter.record
        return self._producer.send(
            record.topic,
            key=Part(record.key),
            value=Part(record.value),
            headers=UntouchedHeaders(list(_headers(letter))),
            # Where it was: what has one key stays together. Its time is that of now, for retention counts from it.
            partition=record.partition if record.partition < partitions else None,
        )

    def _await(self, letter: Letter, future: Any) -> None:
        try:
            future.get(timeout=SEND_TIMEOUT_S)
        except (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError) as error:
            message = f"{letter.record.topic} refuses {letter.origin} ({letter.place}) as too large"
            raise KafkaRefusedError(message, "kafka.topics", "Raise its max.message.bytes.") from error

    @contextmanager
    def _transacting(self) -> Iterator[None]:
        with translated(self._kafka):
            try:
                yield
            except _FENCED as error:
                raise ReplayTakenOverError(f"another replay of {self._group} has begun since") from error
            except errors.TransactionalIdAuthorizationFailedError as error:
                cure = f"Give this user the right to write with the transactional id {self._group}."
                raise KafkaRefusedError(
                    f"Kafka refuses transactions of {self._group}", "kafka.sasl_username", cure
                ) from error

    def _new_producer(self) -> Any:
        return self._kafka.new(
            KafkaProducer,
            transactional_id=self._group,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            compression_type="gzip",
            batch_size=0,
            max_request_size=1_000_000_000,
            max_block_ms=CALL_TIMEOUT_MS,
            delivery_timeout_ms=int(SEND_TIMEOUT_S * 1000),
            allow_auto_create_topics=False,
            metrics_enabled=False,
            key_serializer=PartSerializer(),
            value_serializer=PartSerializer(),
        )


class _Partition:
    """What is to be sent of one partition, batch by batch, and what is done with once each batch is."""

    def __init__(
        self, marks: Marks, start: int, wanted: Callable[[Letter], bool], bytes_max: int | None, told: Replayed
    ) -> None:
        self.marks = marks
        self.marks.low = self._start = max(start, marks.low)
        self._wanted = wanted
        self._bytes_max = bytes_max
        self._told = told
        self._blocked = False

    def batches(self, reader: LetterReader, partition: int, end: int) -> Iterator[list[Letter]]:
        """Yield what is to be sent; `marks` then say how it stands once it is. The last may be empty."""
        batch: list[Letter] = []
        size = 0
        for found in reader.read(partition, self._start, end):
            letter = self._chosen(found.offset, found.letter)
            if letter is None:
                continue
            more = len(letter.record.value or b"")
            if batch and (len(batch) >= BATCH_LETTERS or size + more > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            self._done(found.offset, sent=True)
            batch.append(letter)
            size += more
        if not self._blocked:
            self.marks.low = max(self.marks.low, end)
        self.marks.above = {offset for offset in self.marks.above if offset >= self.marks.low}
        if self.marks.low or self.marks.above or batch:
            yield batch  # also where it is empty: a note that is not renewed is forgotten by the brokers in time

    def _chosen(self, offset: int, letter: Letter | None) -> Letter | None:
        """Return the letter if it is to be sent; else note what is to be said of it, and whether it is done with."""
        told = self._told
        if offset in self.marks.above:
            told.before += 1
            self._done(offset)
        elif letter is None:
            told.foreign += 1
            self._done(offset)
        elif not self._wanted(letter):
            told.not_asked += 1
            self._blocked = True
        elif letter.lost:
            told.lost += 1
            told.tell(letter)
            self._done(offset)
        elif not self._fits(letter):
            told.too_large += 1
            told.tell(letter)
            self._blocked = True
        else:
            return letter
        return None

    def _done(self, offset: int, *, sent: bool = False) -> None:
        if not self._blocked:
            self.marks.low = offset + 1
        elif sent:
            self.marks.above.add(offset)

    def _fits(self, letter: Letter) -> bool:
        record = letter.record
        form = Form(record.key, record.value, tuple(_headers(letter)))
        return self._bytes_max is None or form.fits(self._bytes_max)


def _headers(letter: Letter) -> Iterator[tuple[str, bytes | None]]:
    """Yield the record's own headers, and which letter it was; of an earlier replay nothing is said any more."""
    yield from (header for header in letter.record.headers if header[0] != REPLAYED_FROM)
    yield REPLAYED_FROM, str(letter.place).encode()
