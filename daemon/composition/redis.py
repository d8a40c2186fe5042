"""What every role that speaks to Redis builds alike."""

import math
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from daemon.composition.clocks import monotonic_s
from daemon.config import Config
from daemon.config.redis_url import files_of
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.outage import CURES, EVICTING, Need, Outage, OutageObserver
from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError
from streaming.redis_client import RedisConnection
from streaming.redis_server import inspect_server

log = structlog.get_logger()


def redis_connection(
    config: Config,
    took: Callable[[str, float], None] = lambda _command, _seconds: None,
    *,
    command_max_s: float = math.inf,
) -> RedisConnection:
    """Return the connection that redis.url names. Connects on the first command; `took` is told how long each took.

    A command takes redis.socket_timeout_s at most, and `command_max_s` where that is less. Raises OperatorError
    for a file that the address names and that is not there.
    """
    for name, path in files_of(config.redis.url.get_secret_value()):
        if not Path(path).exists():
            raise OperatorError(
                "redis.url", f"the file that {name} names is not there", "Name one that is", exit_code=PERSON_MUST_ACT
            )
    timeout_s = min(config.redis.socket_timeout_s, command_max_s)
    return RedisConnection(config.redis.url.get_secret_value(), timeout_s, took)


def eviction_outage(outages: OutageObserver) -> Outage:
    """Return what lasts while Redis, which kept everything at the start, may drop what it is given."""
    return Outage(EVICTING, Need.EVICTION, monotonic_s, observer=outages)


def await_redis(
    connection: RedisConnection,
    config: Config,
    stop: threading.Event,
    clock: Callable[[], float],
    outages: OutageObserver,
) -> bool:
    """Wait until Redis answers and is fit to keep samples; False when stopped before.

    Raises OperatorError for what waiting does not cure: an eviction policy, a version too old, a wrong password, a
    cluster, a server without scripts. A replica, and one that loads its data, is waited for.
    """
    outage = Outage(f"Redis at {config.redis.masked_url} (redis.url)", Need.REDIS, clock, observer=outages)
    while not stop.is_set():
        try:
            facts = inspect_server(connection, config.job)
        except BufferUnavailableError as error:
            outage.failed(str(error), cure=CURES[Need.REDIS])
            stop.wait(outage.wait_s)
            continue
        except BufferMisconfiguredError as error:
            cure = f"Change the server at {config.redis.masked_url}, or redis.url"
            raise OperatorError("redis.url", str(error), cure, exit_code=PERSON_MUST_ACT) from error
        outage.recovered()
        for warning in facts.warnings:
            log.warning(warning)
        return True
    return False
