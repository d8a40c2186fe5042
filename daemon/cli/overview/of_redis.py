"""Asks Redis: what waits, dead letters, clocks, and the brakes of every ingestor of the job."""

import time
from collections.abc import Sequence
from typing import Any

from daemon.cli.overview.facts import Brake, Redis
from daemon.config import Config
from daemon.ingest.blame import summary
from daemon.ingest.brake import brake_is_on
from daemon.server_watch import SKEW_TOLD_S
from streaming.brakes import known_brakes
from streaming.buffer import LogState
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection


def ask_redis(connection: RedisConnection, config: Config) -> Redis:
    """Return what Redis says. Raises BufferUnavailableError and BufferMisconfiguredError."""
    buffer = RedisLearnBuffer(connection, config.job)
    began_s = time.monotonic()
    vitals = buffer.vitals()
    took_s = time.monotonic() - began_s
    here_ms = time.time_ns() / 1_000_000 - vitals.now_ms - 1000 * took_s / 2
    logs = tuple(buffer.logs())
    return Redis(
        logs=logs,
        dead_lettered=buffer.dead_lettered(),
        clocks=_clocks(here_ms, logs),
        unsafe=vitals.unsafe,
        brakes=_brakes(connection, config),
    )


def _clocks(here_ms: float, logs: Sequence[LogState]) -> dict[str, Any]:
    """Return the skew of this host, and for each log that of the ingestor which registered it, where it is large."""
    return {
        "here_s": round(here_ms / 1000, 1),
        "ingestors": [
            {"topic": one.log.topic, "partition": one.log.partition, "ahead_s": round(one.ahead_ms / 1000, 1)}
            for one in logs
            if abs(one.ahead_ms) > 1000 * SKEW_TOLD_S
        ],
    }


def _brakes(connection: RedisConnection, config: Config) -> tuple[Brake, ...]:
    buffer = RedisIngestBuffer(connection, config.job, lambda: 0)
    return tuple(
        Brake(name, topic, outcomes, summary(buffer.blamed(name, topic)))
        for name in known_brakes(connection, config.job)
        for topic, outcomes in sorted(buffer.outcomes(name).items())
        if brake_is_on(outcomes)
    )
