"""One fetch from one partition, outside of any consumer: what lies at an offset, as the bytes that the broker has."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka import IsolationLevel, TopicPartition, errors
from kafka.protocol.consumer import FetchRequest

from streaming.kafka_client import NetClient
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError, translated
from streaming.source import Partition

FETCH_TIMEOUT_MS = 5_000
FETCH_WAIT_MS = 500
"""At the log's end. The embedded broker (Tansu) answers a fetch that may not wait without a word of the partition."""
FETCH_BYTES = 4_194_304
"""Of records in one fetch. A broker returns the first batch whole, however large it is."""
FETCH_VERSION = 12
"""The last that names topics rather than ids."""

_OF_ITS_DISK = (errors.CorruptRecordError, errors.KafkaStorageError, errors.UnknownError)
"""What a broker answers that cannot read what it has."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A broker's answer. `error` is its word where it cannot read what it has itself; empty where it can."""

    records: bytes
    """Whole batches, and perhaps a piece of one more; the first is the one that holds the offset asked for."""
    end: int
    """The log's end (its high watermark)."""
    out_of_range: bool = False
    """The offset lies outside of the log."""
    error: str = ""


class KafkaFetch:
    """Connects for each fetch, and keeps nothing: it is asked when something is wrong."""

    def __init__(self, kafka: KafkaOptions) -> None:
        self._kafka = kafka

    def fetch(self, partition: Partition, offset: int) -> Fetched:
        """Ask the partition's leader for what lies at `offset`, open transactions included.

        Takes ten seconds at most. Raises KafkaUnavailableError (also where there is no leader), KafkaRefusedError.
        """
        with translated(self._kafka), self._connected() as client:
            leader = self._leader(client, partition)
            response = client.send_and_receive(leader, _request(partition, offset), FETCH_TIMEOUT_MS)
            (topic,) = response.responses
            (answer,) = topic.partitions
            return self._read(answer)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        settings = self._kafka.client() | {"request_timeout_ms": FETCH_TIMEOUT_MS}
        bootstrap_ms = settings.pop("bootstrap_timeout_ms")
        client = NetClient(self._kafka.brokers, **settings)
        try:
            client.get_broker_version(bootstrap_ms)
            yield client
        finally:
            client.close()

    def _leader(self, client: Any, partition: Partition) -> int:
        client.poll(FETCH_TIMEOUT_MS, client.cluster.set_topics([partition.topic]))
        leader = client.cluster.leader_for_partition(TopicPartition(*partition))
        if leader is None or leader < 0:
            raise KafkaUnavailableError(f"{partition.topic}:{partition.partition} has no leader")
        return int(leader)

    @staticmethod
    def _read(answer: Any) -> Fetched:
        error = errors.for_code(answer.error_code)
        if error is errors.OffsetOutOfRangeError:
            return Fetched(b"", int(answer.high_watermark), out_of_range=True)
        if error in _OF_ITS_DISK:
            return Fetched(b"", int(answer.high_watermark), error=error.__name__)
        if error is not errors.NoError:
            raise error
        return Fetched(bytes(answer.records or b""), int(answer.high_watermark))


def _request(partition: Partition, offset: int) -> Any:
    one = FetchRequest.FetchTopic.FetchPartition(
        partition=partition.partition,
        current_leader_epoch=-1,
        fetch_offset=offset,
        last_fetched_epoch=-1,
        partition_max_bytes=FETCH_BYTES,
    )
    return FetchRequest(
        max_wait_ms=FETCH_WAIT_MS,
        min_bytes=1,
        max_bytes=FETCH_BYTES,
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        session_id=0,
        session_epoch=-1,
        topics=[FetchRequest.FetchTopic(topic=partition.topic, partitions=[one])],
        forgotten_topics_data=[],
        rack_id="",
        max_version=FETCH_VERSION,
    )
