"""Kafka's side of an ingestor: a member of a consumer group that never moves by itself. Contract: streaming/source.py.

kafka-python would look up a committed offset, or raise, for a partition that was assigned and has no position yet. So
the rebalance listener pauses each new partition and gives it a position at once, in the client's own thread and before
anything is fetched; where it really starts is then decided in the caller's thread.
"""

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition, errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.structs import OffsetAndMetadata

from streaming import codecs
from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_fetch import KafkaFetch
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError, translated
from streaming.kafka_parked import forget_parked, free_head
from streaming.kafka_ration import Ration, ration_polls
from streaming.records import Record
from streaming.source import Bounds, Committed, Partition, Polled, Unreadable
from streaming.unreadable import stand_ins, unreadable_at

CALL_TIMEOUT_MS = 5_000
"""Nothing that is asked between two polls takes longer."""
CLOSE_TIMEOUT_MS = 3_000
PARTITION_FETCH_BYTES = 4_194_304
"""Read ahead for one partition: 200 JPEGs of 20 kB in one fetch, and little memory with many partitions."""

_TRY_LATER = (
    errors.RebalanceInProgressError,
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the group reads, and how much at once."""

    group: str
    topics: tuple[str, ...]
    session_timeout_ms: int = 10_000
    max_poll_records: int = 500
    max_poll_bytes: int = 8_388_608
    fetch_max_bytes: int = 8_388_608
    unpack_max_bytes: int = codecs.UNPACKED_MAX_BYTES
    create_topics: bool = False
    partitions: int = 3
    """Of a topic that is made."""


class KafkaSource:
    """See `Source`. Topic ids are asked over a connection of their own, fresh each time."""

    def __init__(self, kafka: KafkaOptions, options: SourceOptions) -> None:
        """Nothing is connected yet."""
        self._kafka = kafka
        self._options = options
        self._admin = KafkaAdmin(kafka)
        self._consumer: Any = None
        self._ration = Ration(options.max_poll_bytes)
        codecs.install(options.unpack_max_bytes)
        self._changes = _Changes()
        self._truncated: set[Partition] = set()
        self._read_to: dict[Partition, int] = {}
        self._fetch = KafkaFetch(kafka)
        self._given_up: dict[Partition, Unreadable] = {}
        self._stand_ins: dict[Partition, list[Record]] = {}

    def connect(self) -> None:
        """See Source. One try lasts a few seconds at most."""
        if self._consumer is None:
            # With the topics' metadata at hand the group is joined once; without, once with nothing and then again.
            known = {topic: Partition(topic, number) for topic, number in self._admin.led(self._options.topics)}
            with translated(self._kafka):
                consumer = self._new_consumer()
                self._consumer = consumer
                if known:
                    places = [TopicPartition(*one) for one in known.values()]
                    _offsets(consumer.beginning_offsets, places)

    def poll(self, timeout_s: float) -> Polled:
        """See Source. Whatever the client's poll raised, that client is never asked again.

        After an error that its poll raised, kafka-python's next poll may never return (3.0.12, tried).
        """
        consumer = self._connected()
        found: Mapping[Any, Any] = {}
        unreadable: Mapping[Partition, Unreadable] = {}
        waits_s = 0.0 if self._waiting_stand_ins(consumer) else timeout_s
        with translated(self._kafka):
            self._ration.renew()
            free_head(consumer)
            try:
                found = consumer.poll(timeout_ms=int(waits_s * 1000))
            except (errors.OffsetOutOfRangeError, errors.NoOffsetForPartitionError):
                self._drop()  # where it is opened anew, the log's bounds say what is the matter
            except errors.LogTruncationError as error:
                self._drop()
                self._truncated.update(Partition(*place) for place in error.divergent_offsets)
            except Exception:
                reading = self._reading(consumer)
                self._drop()
                unreadable = self._look_into(reading)
                if not unreadable:
                    raise
        records = {Partition(*place): [_record(one) for one in several] for place, several in found.items()}
        if self._consumer is not None:
            self._add_stand_ins(consumer, records)
        revoked, assigned = self._changes.take()
        truncated, self._truncated = frozenset(self._truncated), set()
        return Polled(
            records=records,
            read_from=self._note_read(records),
            revoked=revoked,
            assigned=assigned,
            truncated=truncated,
            unreadable=unreadable,
        )

    def topic_ids(self) -> Mapping[str, str]:
        """See Source."""
        return self._admin.topic_ids(self._options.topics)

    def ensure_topics(self) -> frozenset[str]:
        """See Source."""
        missing = set(self._options.topics) - self.topic_ids().keys()
        if self._options.create_topics:
            for topic in sorted(missing):
                self._admin.create(topic, self._options.partitions)
            missing.clear()
        return frozenset(missing)

    def bounds(self, partitions: Collection[Partition]) -> Mapping[Partition, Bounds]:
        """See Source. Three requests to each leader, and one that says which partitions have one."""
        consumer = self._connected()
        led = self._admin.led({one.topic for one in partitions}) if partitions else set()
        places = [TopicPartition(*one) for one in partitions if one in led]
        if not places:
            return {}
        with translated(self._kafka):
            starts = _offsets(consumer.beginning_offsets, places)
            # Asked before the stable ends: what arrives between the two must not look like a transaction.
            log_ends = self._admin.log_ends(starts)
            ends = _offsets(consumer.end_offsets, places)
        known = starts.keys() & ends & log_ends.keys()
        return {
            Partition(*place): Bounds(starts[place], ends[place], max(ends[place], log_ends[place]))
            for place in places
            if place in known
        }

    def position(self, partition: Partition) -> int:
        """See Source."""
        consumer = self._connected()
        with translated(self._kafka):
            try:
                return int(consumer.position(TopicPartition(*partition), timeout_ms=CALL_TIMEOUT_MS))
            except errors.LogTruncationError as error:
                # The client tells it once: keep it for the next poll.
                self._truncated.update(Partition(*place) for place in error.divergent_offsets)
                self._drop()
                raise KafkaUnavailableError(f"{partition} was truncated") from error

    def start(self, partition: Partition, offset: int) -> None:
        """See Source. The client drops what it has read ahead, for it begins elsewhere."""
        batch = self._given_up.get(partition)
        self._stand_ins.pop(partition, None)
        behind = offset
        if batch is not None and batch.last is not None and batch.first <= offset <= batch.last:
            behind = batch.last + 1
            self._stand_ins[partition] = stand_ins(partition, batch, offset, behind)
        consumer, place = self._connected(), TopicPartition(*partition)
        consumer.seek(place, behind)
        forget_parked(consumer, place)
        self._read_to[partition] = offset

    def beyond_end(self, partition: Partition, offset: int) -> bool:
        """See Source."""
        return self._fetch.fetch(partition, offset).out_of_range

    def unreadable_at(self, partition: Partition, offset: int) -> Unreadable | None:
        """See Source. One fetch, over a connection of its own."""
        return unreadable_at(self._fetch, partition, offset)

    def give_up(self, partition: Partition, batch: Unreadable) -> None:
        """See Source."""
        self._given_up[partition] = batch

    def pause(self, partitions: Collection[Partition]) -> None:
        """See Source."""
        self._connected().pause(*(TopicPartition(*one) for one in partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """See Source."""
        self._connected().resume(*(TopicPartition(*one) for one in partitions))

    def committed(self, partition: Partition) -> Committed | None:
        """See Source."""
        consumer = self._connected()
        with translated(self._kafka):
            found = consumer.committed(TopicPartition(*partition), metadata=True, timeout_ms=CALL_TIMEOUT_MS)
        return None if found is None else Committed(found.offset, found.metadata or "")

    def commit(self, offsets: Mapping[Partition, Committed]) -> bool:
        """See Source."""
        consumer = self._connected()
        wanted = {TopicPartition(*place): OffsetAndMetadata(*one, -1) for place, one in offsets.items()}
        with translated(self._kafka):
            try:
                consumer.commit(wanted, timeout_ms=CALL_TIMEOUT_MS)
            except _TRY_LATER:
                return False
        return True

    def restart(self) -> None:
        """See Source. What the client read ahead cannot be taken from it otherwise."""
        self._drop()
        self._given_up.clear()  # they were another topic's
        self.connect()

    def close(self) -> None:
        """See Source."""
        self._drop()
        self._admin.close()

    def _reading(self, consumer: Any) -> dict[Partition, int]:
        """Return from where each partition is read that is not paused."""
        active = {Partition(*place) for place in consumer.assignment() - consumer.paused()}
        return {partition: self._read_to[partition] for partition in active & self._read_to.keys()}

    def _look_into(self, reading: Mapping[Partition, int]) -> dict[Partition, Unreadable]:
        """Find out which of these partitions the client stumbled over: it stumbles over one at a time."""
        for partition, offset in sorted(reading.items()):
            batch = self.unreadable_at(partition, offset)
            if batch is not None:
                if batch.accountable:
                    self.give_up(partition, batch)
                return {partition: batch}
        return {}

    def _waiting_stand_ins(self, consumer: Any) -> set[Partition]:
        if not self._stand_ins:
            return set()
        return self._stand_ins.keys() - {Partition(*place) for place in consumer.paused()}

    def _add_stand_ins(self, consumer: Any, records: dict[Partition, list[Record]]) -> None:
        """Put them before what was read behind them."""
        for partition in self._waiting_stand_ins(consumer):
            records[partition] = self._stand_ins.pop(partition) + records.get(partition, [])

    def _note_read(self, records: Mapping[Partition, Sequence[Record]]) -> dict[Partition, int]:
        read_from = {partition: self._read_to[partition] for partition in records}
        self._read_to.update((partition, several[-1].offset + 1) for partition, several in records.items())
        return read_from

    def _new_consumer(self) -> Any:
        options = self._options
        consumer = self._kafka.new(
            KafkaConsumer,
            group_id=options.group,
            session_timeout_ms=options.session_timeout_ms,
            heartbeat_interval_ms=min(3_000, options.session_timeout_ms // 3),
            max_poll_records=options.max_poll_records,
            fetch_max_bytes=options.fetch_max_bytes,
            max_partition_fetch_bytes=min(options.fetch_max_bytes, PARTITION_FETCH_BYTES),
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            isolation_level="read_committed",
            auto_offset_reset="none",
            enable_auto_commit=False,
            metrics_enabled=False,
        )
        self._ration = ration_polls(consumer, options.max_poll_bytes)
        consumer.subscribe(list(options.topics), listener=_Listener(consumer, self._changes))
        return consumer

    def _connected(self) -> Any:
        if self._consumer is None:
            raise KafkaUnavailableError(f"Kafka at {self._kafka.bootstrap_servers} is not connected")
        return self._consumer

    def _drop(self) -> None:
        """Leave the group; a broker that does not answer keeps us a few seconds at most."""
        consumer, self._consumer = self._consumer, None
        self._stand_ins.clear()
        if consumer is None:
            return
        self._changes.revoke(consumer.assignment() or ())
        with contextlib.suppress(errors.KafkaError):  # its place in the group is left to the session timeout then
            consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)


class _Changes:
    """What rebalances did since it was last asked. Written by the client's thread, taken by the caller's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revoked: frozenset[Partition] = frozenset()
        self._assigned: frozenset[Partition] = frozenset()

    def revoke(self, places: Iterable[Any]) -> None:
        gone = frozenset(Partition(*place) for place in places)
        with self._lock:
            self._revoked |= gone
            self._assigned -= gone

    def assign(self, places: Iterable[Any]) -> None:
        with self._lock:
            self._assigned |= frozenset(Partition(*place) for place in places)

    def take(self) -> tuple[frozenset[Partition], frozenset[Partition]]:
        with self._lock:
            taken = self._revoked, self._assigned
            self._revoked = self._assigned = frozenset()
        return taken


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # the client has no types
    """Called in the client's thread, which also sends the heartbeats: returns at once."""

    def __init__(self, consumer: Any, changes: _Changes) -> None:
        self._consumer = consumer
        self._changes = changes

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Note it."""
        self._changes.revoke(revoked)

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Hold each partition before anything is fetched."""
        for place in assigned:
            self._consumer.pause(place)
            self._consumer.seek(place, 0)
        self._changes.assign(assigned)


def _offsets(ask: Callable[..., Mapping[Any, int]], places: Sequence[Any]) -> Mapping[Any, int]:
    """Return the offsets that `ask` has answers for.

    Where the leader does not know a partition yet that was just added, kafka-python answers for all with a KeyError
    (3.0.12, tried): then each is asked alone, and the new one is left out.
    """
    with contextlib.suppress(KeyError):
        return ask(places, timeout_ms=CALL_TIMEOUT_MS)
    found: dict[Any, int] = {}
    for place in places:
        with contextlib.suppress(KeyError):
            found.update(ask([place], timeout_ms=CALL_TIMEOUT_MS))
    return found


def _record(one: Any) -> Record:
    return Record(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
