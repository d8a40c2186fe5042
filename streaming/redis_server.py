"""What is asked of a Redis server before it is trusted with samples."""

from dataclasses import dataclass
from typing import Any

from streaming.buffer import BufferMisconfiguredError
from streaming.redis_client import RedisConnection

VERSION_MIN = (6, 2)
POLICY = "noeviction"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself at the start."""

    version: str
    run_id: str
    maxmemory_bytes: int
    """0: no limit but the machine's memory."""
    appendonly: bool
    warnings: tuple[str, ...]
    """What an operator should know, in whole sentences. Nothing of it stops the start."""


def inspect_server(connection: RedisConnection) -> ServerFacts:
    """Return the server's facts. INFO alone is asked, for many hosts forbid CONFIG.

    Raises BufferMisconfiguredError for an eviction policy that drops samples and for a server too old, and
    BufferUnavailableError.
    """
    info: dict[str, Any] = {}
    for section in ("server", "memory", "persistence"):
        info |= connection.call("INFO", section)
    version = str(info["redis_version"])
    if version_of(version) < VERSION_MIN:
        raise BufferMisconfiguredError(f"Redis {version} is too old: 6.2 or newer is needed (XTRIM with MINID)")
    policy = str(info["maxmemory_policy"])
    if policy != POLICY:
        raise BufferMisconfiguredError(
            f"Redis evicts keys at maxmemory (maxmemory-policy {policy}), which loses samples: "
            f"set maxmemory-policy {POLICY}"
        )
    appendonly = bool(int(info["aof_enabled"]))
    maxmemory_bytes = int(info["maxmemory"])
    return ServerFacts(
        version, str(info["run_id"]), maxmemory_bytes, appendonly, _warnings(appendonly, maxmemory_bytes)
    )


def version_of(version: str) -> tuple[int, ...]:
    """Return `6.2.14` as (6, 2, 14)."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _warnings(appendonly: bool, maxmemory_bytes: int) -> tuple[str, ...]:
    warnings = []
    if not appendonly:
        warnings.append(
            "Redis keeps no append-only file: after each restart of it the buffer is read again from Kafka "
            "(appendonly yes avoids that)."
        )
    if maxmemory_bytes == 0:
        warnings.append("Redis has no maxmemory: buffer.bytes_max alone protects its machine.")
    return tuple(warnings)
