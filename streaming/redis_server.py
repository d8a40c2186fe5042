"""What is asked of a Redis server before it is trusted with samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError
from streaming.keys import Keys
from streaming.redis_client import RedisConnection, eviction

VERSION_MIN = (6, 2)


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


def inspect_server(connection: RedisConnection, job: str = "default") -> ServerFacts:
    """Return the server's facts. INFO and a script that only reads are asked, for many hosts forbid CONFIG.

    Raises BufferMisconfiguredError for what a person must change (an eviction policy that drops samples, a server too
    old, a cluster, a Sentinel, one without scripts), and BufferUnavailableError for what may pass, as a replica may
    become the primary, and data are loaded in the end.
    """
    info: dict[str, Any] = {}
    for section in ("server", "cluster", "replication", "persistence", "memory"):
        info |= connection.call("INFO", section)
    _check_kind(info)
    version = str(info["redis_version"])
    if version_of(version) < VERSION_MIN:
        raise BufferMisconfiguredError(f"Redis {version} is too old: 6.2 or newer is needed (XTRIM with MINID)")
    if int(info.get("loading", 0)):
        raise BufferUnavailableError("Redis is loading its data")
    if info.get("role") == "slave":
        primary = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
        raise BufferUnavailableError(
            f"this Redis is a replica of {primary}, and takes no writes: name the primary in redis.url, "
            "or have this one made primary"
        )
    if unsafe := eviction(info):
        raise BufferMisconfiguredError(unsafe)
    keys = Keys(job)
    connection.script("probe", [keys.owner, keys.probe])
    appendonly = bool(int(info.get("aof_enabled", 0)))
    maxmemory_bytes = int(info.get("maxmemory", 0))
    return ServerFacts(
        version, str(info["run_id"]), maxmemory_bytes, appendonly, _warnings(appendonly, maxmemory_bytes)
    )


def _check_kind(info: Mapping[str, Any]) -> None:
    """Raise BufferMisconfiguredError for what speaks Redis' protocol and is no server that a buffer can live in."""
    if info.get("redis_mode") == "sentinel":
        raise BufferMisconfiguredError("this is a Sentinel, which keeps no data: name the primary that it watches")
    if info.get("redis_mode") == "cluster" or int(info.get("cluster_enabled", 0)):
        raise BufferMisconfiguredError(
            "this is a node of a Redis Cluster, which is not supported: its keys may lie on several nodes, "
            "and a batch is one script; name a server with cluster-enabled no"
        )
    missing = [name for name in ("redis_version", "run_id") if name not in info]
    if missing:
        raise BufferMisconfiguredError(
            f"what answers does not say its {' and '.join(missing)} (INFO): a server of Redis 6.2 or newer, "
            "or Valkey, is needed"
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
