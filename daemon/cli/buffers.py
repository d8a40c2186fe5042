"""Opens the buffer for a command."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.composition.redis import redis_connection
from daemon.config import Config
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer


@contextmanager
def open_ingest_buffer(config: Config) -> Iterator[RedisIngestBuffer]:
    """Yield the ingestor's side."""
    connection = redis_connection(config)
    try:
        yield RedisIngestBuffer(connection, config.job, lambda: time.time_ns() // 1_000_000)
    finally:
        connection.close()


@contextmanager
def open_learn_buffer(config: Config) -> Iterator[RedisLearnBuffer]:
    """Yield the learner's side, which nothing is changed with here."""
    connection = redis_connection(config)
    try:
        yield RedisLearnBuffer(connection, config.job)
    finally:
        connection.close()
