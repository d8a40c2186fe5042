"""Partitions that were paused with records read ahead come back when they are resumed.

kafka-python parks what it has read of a paused partition, and asks the brokers for no more of it. It takes that back
only while no other partition is at the head of what it hands out, and a partition that is used up stays at the head
until the next one comes: where every other one is quiet or parked, too, a resumed one stands still for ever, without a
word (3.0.12: `Fetcher._fetch_records`, `_fetchable_partitions`; private, but there is no other place).
"""

from typing import Any

from kafka import TopicPartition


def free_head(consumer: Any) -> None:
    """Before each poll: take from the head what is used up, so that a parked partition that was resumed moves there."""
    fetcher = consumer._fetcher
    if fetcher._next_partition_records is not None and not fetcher._next_partition_records:
        fetcher._next_partition_records = None


def forget_parked(consumer: Any, place: TopicPartition) -> None:
    """After a seek: what was parked lies elsewhere, and would keep the partition from being fetched."""
    fetcher = consumer._fetcher
    fetcher._paused_partition_records.pop(place, None)
    fetcher._paused_completed_fetches.pop(place, None)
