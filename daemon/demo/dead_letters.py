"""Reads the dead letters back from Kafka, as whoever cares for them would."""

import threading

from kafka import KafkaConsumer, TopicPartition

from daemon.demo.board import Board
from daemon.demo.plan import TOPIC
from streaming.kafka_options import KafkaOptions

POLL_MS = 250
HEADER = "tidemill.reason"


def count_dead_letters(kafka: str, board: Board, stop: threading.Event) -> None:
    """Count each dead letter on the board by its reason, until `stop`."""
    topic = f"{TOPIC}.dlq"
    options = KafkaOptions(kafka, client_id="tidemill-demo-dead-letters")
    consumer = options.new(KafkaConsumer, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        while not (partitions := consumer.partitions_for_topic(topic)):
            if stop.wait(POLL_MS / 1000):
                return
        consumer.assign([TopicPartition(topic, partition) for partition in partitions])
        while not stop.is_set():
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                for record in records:
                    reason = dict(record.headers).get(HEADER) or b"?"
                    board.dead(reason.decode())
    finally:
        consumer.close()
