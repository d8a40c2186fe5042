"""The producer's connection to Kafka: any client that sends headers will do, here kafka-python's."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaProducer

from daemon.demo.feeder import Send
from daemon.demo.plan import TOPIC
from daemon.demo.story import Message
from streaming.kafka_options import KafkaOptions

FLUSH_S = 5.0


@contextmanager
def open_producer(kafka: str) -> Iterator[Send]:
    """Yield a function that sends a message with its event time; all are acknowledged at the end, or within 5 s."""
    producer = KafkaOptions(kafka, client_id="tidemill-demo-producer").new(KafkaProducer, acks="all")

    def send(message: Message, event_time: str) -> None:
        producer.send(TOPIC, message.value, headers=[*message.headers, ("ce_time", event_time.encode())])

    try:
        yield send
    finally:
        producer.close(timeout=FLUSH_S)
