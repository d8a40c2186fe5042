"""Both sides of the buffer on one real Redis, and the Redis programs that promises are tested on."""

import pytest

from daemon.local.redis import bundled_redis_program
from streaming.keys import Keys
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection

BRAKE = "ingestor-1"
KEYS = Keys("job")


def _programs() -> list[object]:
    """The bundled Redis is another version than most machines': Redis 6 words its errors differently."""
    bundled = bundled_redis_program()
    machines = [pytest.param(None, id="default")]
    return machines if bundled is None else [*machines, pytest.param(bundled, id="bundled")]


each_redis = pytest.mark.parametrize("program", _programs())


class Both:
    """Both sides of the buffer on one server, with time under the test's control."""

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        self.now_s = 0.0
        self.connection = RedisConnection(url, timeout_s)
        self.ingest = RedisIngestBuffer(self.connection, "job", lambda: 1, lambda: self.now_s)
        self.learn = RedisLearnBuffer(self.connection, "job", lambda: self.now_s)
