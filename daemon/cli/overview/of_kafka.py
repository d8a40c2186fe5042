"""Asks the brokers: where the logs end, which topics are missing, which transactions hang, which logs are cut off."""

from collections.abc import Mapping, Sequence

from daemon.cli.overview.facts import Kafka
from daemon.config import Config
from streaming.buffer import LogState
from streaming.kafka_ends import Ends, both_ends
from streaming.kafka_fetch import KafkaFetch
from streaming.kafka_hanging import written_ms
from streaming.kafka_options import KafkaOptions
from streaming.source import Partition

Place = tuple[str, str, int]
"""Topic, topic id, partition."""


def ask_kafka(options: KafkaOptions, config: Config, now_ms: int) -> Kafka:
    """Return what the brokers say. Raises KafkaUnavailableError and KafkaRefusedError."""
    topics = config.kafka.topics
    letters = [f"{topic}{config.kafka.dlq_suffix}" for topic in topics]
    found = both_ends(options, [*topics, *letters])
    there = {topic for topic, _, _ in found}
    ends = {place: one for place, one in found.items() if place[0] in topics}
    return Kafka(ends, tuple(one for one in (*topics, *letters) if one not in there), _hanging(options, ends, now_ms))


def _hanging(options: KafkaOptions, ends: Mapping[Place, Ends], now_ms: int) -> dict[Place, float]:
    held = {place for place, one in ends.items() if one.log_end > one.stable}
    if not held:
        return {}
    written = written_ms(options, [(topic, partition) for topic, _, partition in held])
    return {
        (topic, topic_id, partition): max(0.0, (now_ms - written[topic, partition]) / 1000)
        for topic, topic_id, partition in held
        if (topic, partition) in written
    }


def beyond_end(logs: Sequence[LogState], ends: Mapping[Place, Ends]) -> list[LogState]:
    """Return the logs, in their newest incarnations, of which more was read than the brokers hold."""
    newest: dict[Place, LogState] = {}
    for one in sorted(logs, key=lambda one: one.log.incarnation):
        newest[one.log.topic, one.log.topic_id, one.log.partition] = one
    return [one for place, one in newest.items() if place in ends and one.position > ends[place].log_end]


def are_cut_off(options: KafkaOptions, suspects: Sequence[LogState]) -> list[LogState]:
    """Return those that are truncated: the brokers refuse to read them from where they were read to.

    A log's end alone does not say so: a record may have been read since the end was asked for, and not every broker
    says where its log ends. Raises KafkaUnavailableError and KafkaRefusedError.
    """
    fetch = KafkaFetch(options)
    places = [(one, Partition(one.log.topic, one.log.partition)) for one in suspects]
    return [one for one, place in places if fetch.fetch(place, one.position).out_of_range]
