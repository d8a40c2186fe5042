"""Where the logs end and what is committed, asked of the brokers without joining a group."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import IsolationLevel, KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from streaming.kafka_options import KafkaOptions, translated

ASK_TIMEOUT_MS = 5_000


@contextmanager
def asking(options: KafkaOptions) -> Iterator[Any]:
    """Yield an admin client for one question, each request of which takes five seconds at most; close it then."""
    client = options.new(KafkaAdminClient, request_timeout_ms=min(options.request_timeout_ms, ASK_TIMEOUT_MS))
    try:
        yield client
    finally:
        client.close()


class Ends(NamedTuple):
    """Where a log ends: up to where its records can be read, and with what open transactions hold back."""

    stable: int
    log_end: int


def end_offsets(options: KafkaOptions, topics: Collection[str]) -> dict[tuple[str, str, int], int]:
    """Return by (topic, topic id, partition) the last stable offset, up to which records can be read.

    Topics that do not exist are left out. Raises KafkaUnavailableError or KafkaRefusedError.
    """
    return {key: one.stable for key, one in both_ends(options, topics).items()}


def both_ends(options: KafkaOptions, topics: Collection[str]) -> dict[tuple[str, str, int], Ends]:
    """Return both ends, as `end_offsets` does one. What arrives between the two questions counts as stable alone."""
    with translated(options), asking(options) as client:
        described = [topic for topic in client.describe_topics(list(topics)) if topic["error_code"] == 0]
        keys = {
            TopicPartition(topic["name"], part["partition_index"]): (
                topic["name"],
                str(topic["topic_id"]),
                int(part["partition_index"]),
            )
            for topic in described
            for part in topic["partitions"]
        }
        log_ends, stable = (
            client.list_partition_offsets(dict.fromkeys(keys, OffsetSpec.LATEST), isolation_level=level)
            for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED)
        )
    return {
        key: Ends(int(stable[place].offset), max(int(stable[place].offset), int(log_ends[place].offset)))
        for place, key in keys.items()
    }


def committed_offset(options: KafkaOptions, group: str, topic: str, partition: int, metadata: str) -> int | None:
    """Return what the group committed with this metadata; None where it committed nothing, or with another.

    Raises KafkaUnavailableError or KafkaRefusedError.
    """
    place = TopicPartition(topic, partition)
    with translated(options), asking(options) as client:
        found = client.list_group_offsets({group: [place]})[group].get(place)
    return int(found.offset) if found is not None and found.offset >= 0 and found.metadata == metadata else None
