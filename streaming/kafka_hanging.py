"""How long nothing was written in the transactions that are open, asked of the brokers."""

from collections.abc import Collection

from kafka import TopicPartition
from kafka.errors import KafkaError

from streaming.kafka_ends import asking
from streaming.kafka_options import KafkaOptions


def written_ms(options: KafkaOptions, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return by (topic, partition) when a record of its oldest open transaction was written last, by its timestamp.

    Without a place of which the brokers do not say so: not every broker knows the question, nor every user may ask it.
    """
    try:
        with asking(options) as client:
            told = client.describe_producers([TopicPartition(*place) for place in places])
    except (KafkaError, OSError):
        return {}  # whoever asked has said already what Kafka lacks
    found: dict[tuple[str, int], int] = {}
    for place, state in told.items():
        opened = [one for one in state.active_producers if one.current_transaction_start_offset >= 0]
        if opened:
            oldest = min(opened, key=lambda one: one.current_transaction_start_offset)
            found[place.topic, place.partition] = int(oldest.last_timestamp)
    return found
