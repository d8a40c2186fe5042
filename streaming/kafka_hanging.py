"""How long nothing was written in the transactions that are open, asked of the brokers."""

from collections.abc import Collection

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from streaming.kafka_ends import ASK_TIMEOUT_MS
from streaming.kafka_options import KafkaOptions


def written_ms(options: KafkaOptions, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return by (topic, partition) when a record of its oldest open transaction was written last, by its timestamp.

    Without a place of which the brokers do not say so: not every broker knows the question, nor every user may ask it.
    """
    timeout_ms = min(options.request_timeout_ms, ASK_TIMEOUT_MS)
    try:
        client = options.new(KafkaAdminClient, request_timeout_ms=timeout_ms)
        try:
            told = client.describe_producers([TopicPartition(*place) for place in places])
        finally:
            client.close()
    except (KafkaError, OSError):
        return {}  # whoever asked has said already what Kafka lacks
    found: dict[tuple[str, int], int] = {}
    for place, state in told.items():
        opened = [one for one in state.active_producers if one.current_transaction_start_offset >= 0]
        if opened:
            oldest = min(opened, key=lambda one: one.current_transaction_start_offset)
            found[place.topic, place.partition] = int(oldest.last_timestamp)
    return found
