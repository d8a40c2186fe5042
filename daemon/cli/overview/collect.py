"""Collects the facts: all parts at once, each within its time, so that one that hangs holds up nothing."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from daemon.cli.overview.facts import ROLES, CutOff, Facts, Kafka, Redis, State, Trouble
from daemon.cli.overview.of_disks import VERIFY, look_at_disks, look_at_repository
from daemon.cli.overview.of_kafka import are_cut_off, ask_kafka, beyond_end
from daemon.cli.overview.of_redis import ask_redis
from daemon.cli.overview.of_roles import ask_role
from daemon.cli.overview.of_state import read_state
from daemon.composition.clocks import now_ms
from daemon.composition.kafka import kafka_options
from daemon.composition.redis import redis_connection
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.outage import CURES, Need
from model.store.database import FILE_NAME as DATABASE
from model.store.errors import SchemaVersionError, StateError
from model.store.sqlite_errors import is_damage, passes
from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError, LogState
from streaming.kafka_options import START_THEM, KafkaOptions, KafkaRefusedError, KafkaUnavailableError
from streaming.records import Log
from streaming.redis_buffer import RedisIngestBuffer

REDIS_MAX_S = 2.0
"""For one command, whatever redis.socket_timeout_s says: somebody waits."""
ALL_MAX_S = 8.0
"""For everything; what has not answered by then is said not to."""
CLOSER_MAX_S = 4.0
"""For a closer look at partitions that may be truncated."""
SUSPECTS_MAX = 8
"""Partitions that get one."""


def ask_within(seconds: float, asks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Ask all at once, and return the answers that came within `seconds`.

    What hangs is left behind, and ends with the process. Raises RuntimeError where one raised: none should.
    """
    answers: dict[str, Any] = {}

    def ask(name: str) -> None:
        answers[name] = asks[name]()

    threads = {name: threading.Thread(target=ask, args=(name,), name=f"ask-{name}", daemon=True) for name in asks}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    if broken := [name for name, thread in threads.items() if not thread.is_alive() and name not in answers]:
        raise RuntimeError(f"the facts of {', '.join(broken)} could not be collected: the traceback says why")
    return dict(answers)


def collect(config: Config, seconds: float = ALL_MAX_S) -> Facts:
    """Return what is known now, within some seconds."""
    moment = now_ms()
    options = kafka_options(config, "tidemill")
    asks: dict[str, Callable[[], Any]] = {
        "redis": lambda: _redis(config),
        "kafka": lambda: _kafka(options, config, moment),
        "state": lambda: _state(config, moment),
    }
    asks |= {role: partial(ask_role, role, config) for role in ROLES}
    late = {
        "redis": Trouble("redis", f"Redis does not answer within {seconds:g} s", CURES[Need.REDIS]),
        "kafka": Trouble("kafka", f"Kafka does not answer within {seconds:g} s", START_THEM),
        "state": Trouble("state", f"{config.paths.state} cannot be read within {seconds:g} s", "look at its disk"),
    }
    answers = late | ask_within(seconds, asks)
    troubles = [one for one in answers.values() if isinstance(one, Trouble)]
    redis, kafka, state = (None if isinstance(answers[name], Trouble) else answers[name] for name in late)
    return Facts(
        now_ms=moment,
        roles={role: answers[role] for role in ROLES if role in answers},
        redis=redis,
        kafka=kafka,
        state=state,
        disks=look_at_disks(config),
        cut_off=_cut_off(config, options, redis, kafka),
        troubles=(*troubles, *look_at_repository(config, state)),
    )


def _redis(config: Config) -> Redis | Trouble:
    try:
        connection = redis_connection(config, command_max_s=REDIS_MAX_S)
    except OperatorError as error:
        return Trouble("redis", f"{error.message} ({error.setting})", error.cure)
    try:
        return ask_redis(connection, config)
    except BufferUnavailableError as error:
        return Trouble("redis", f"{error} (redis.url is {config.redis.masked_url})", CURES[Need.REDIS])
    except BufferMisconfiguredError as error:
        cure = "change that in the server, or correct redis.url"
        return Trouble("redis", f"{error} (redis.url is {config.redis.masked_url})", cure)
    finally:
        connection.close()


def _kafka(options: KafkaOptions, config: Config, moment: int) -> Kafka | Trouble:
    try:
        return ask_kafka(options, config, moment)
    except KafkaUnavailableError as error:
        setting = " (kafka.bootstrap_servers)" if error.cure == START_THEM else ""
        return Trouble("kafka", f"{error}{setting}", error.cure)
    except KafkaRefusedError as error:
        return Trouble("kafka", f"{error} ({error.setting})", error.cure)


def _state(config: Config, moment: int) -> State | Trouble | None:
    """None: there is none on this host."""
    if not (config.paths.state / DATABASE).exists():
        return None
    try:
        return read_state(config, moment)
    except SchemaVersionError as error:
        return Trouble("state", str(error), "")  # says itself what to do
    except StateError as error:
        return Trouble("state", str(error), "`tidemill verify` looks closer")
    except sqlite3.DatabaseError as error:
        if not (is_damage(error) or passes(error)):
            raise  # a statement of ours is wrong
        return Trouble("state", f"the database in {config.paths.state} cannot be read: {error}", VERIFY)


def _cut_off(config: Config, options: KafkaOptions, redis: Redis | None, kafka: Kafka | None) -> tuple[CutOff, ...]:
    """Return the truncated partitions, as far as that can be found out in a moment."""
    if redis is None or kafka is None:
        return ()
    suspects = beyond_end(redis.logs, kafka.ends)[:SUSPECTS_MAX]
    if not suspects:
        return ()
    answers = ask_within(CLOSER_MAX_S, {"cut off": lambda: _closer(config, options, suspects)})
    ends = kafka.ends
    return tuple(
        CutOff(log.topic, log.partition, one.position, ends[log.topic, log.topic_id, log.partition].log_end)
        for one in answers.get("cut off", ())
        for log in (one.log,)
    )


def _closer(config: Config, options: KafkaOptions, suspects: list[LogState]) -> list[LogState]:
    connection = redis_connection(config, command_max_s=REDIS_MAX_S)
    try:
        buffer = RedisIngestBuffer(connection, config.job, now_ms)
        # One that an operator has released is read as another log from now on.
        held = [one for one in suspects if _is_current(buffer, one.log)]
        return are_cut_off(options, held)
    except (BufferUnavailableError, KafkaUnavailableError, KafkaRefusedError):
        return []  # it has just been away: the next look says so
    finally:
        connection.close()


def _is_current(buffer: RedisIngestBuffer, log: Log) -> bool:
    return buffer.incarnation(log.topic, log.topic_id, log.partition) == log.incarnation
