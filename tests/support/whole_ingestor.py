"""An ingestor as the composition root builds it from a configuration, on real servers, until all is taken in."""

import threading

from kafka import KafkaProducer

from daemon.composition.ingest import run_ingest
from daemon.config import Config
from streaming.records import Marker, Sample
from streaming.redis_buffer import RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.support.images import encode, picture
from tests.support.roles import eventually


def produce(bootstrap: str, topic: str, records: int) -> int:
    """Send so many pictures to the topic's partition 0, and one record that is none; return how many were sent."""
    image = encode(picture(12, 12), "PNG")
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for _ in range(records):
        producer.send(topic, image, headers=[("ce_label", b"cat")], partition=0)
    producer.send(topic, b"no picture", headers=[("ce_label", b"cat")], partition=0)
    producer.flush()
    producer.close()
    return records + 1


def take_in(config: Config, redis_url: str, records: int, timeout_s: float = 90) -> tuple[int, int]:
    """Run an ingestor until so many records are taken in, and stop it; return (samples, dead letters)."""
    stop, errors = threading.Event(), []

    def work() -> None:
        try:
            run_ingest(config, stop)
        except BaseException as error:
            errors.append(error)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    connection = RedisConnection(redis_url)
    buffer = RedisLearnBuffer(connection, config.job)
    try:
        eventually(lambda: errors or _taken(buffer) >= records, "all is taken in", timeout_s)
        assert not errors, errors
        entries = [one for state in buffer.logs() for one in buffer.read(state.log, 0, records + 1)]
    finally:
        stop.set()
        thread.join(60)
        connection.close()
    assert not thread.is_alive(), "the ingestor does not stop"
    assert not errors, errors
    samples = [one for one in entries if isinstance(one, Sample)]
    assert {len(one.pixels) for one in samples} <= {3 * config.image.size**2}
    return len(samples), sum(isinstance(one, Marker) for one in entries)


def _taken(buffer: RedisLearnBuffer) -> int:
    return sum(state.length for state in buffer.logs())
