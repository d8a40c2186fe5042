"""Fixtures of the real servers. A test that uses one is marked by itself; a missing server skips it, or fails CI."""

import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

import model  # noqa: F401 - before anything that imports onnxruntime: it turns its telemetry off
from daemon.local.broker import broker_program
from daemon.local.process import LocalServerMissingError
from daemon.local.redis import redis_program
from tests.servers.fetch_kafka import missing as kafka_missing
from tests.servers.kafka import KafkaServer
from tests.servers.missing import unavailable
from tests.servers.redis import RedisServer

# A shell starts what it puts into the background with SIGINT ignored, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

MARKED = {
    "kafka": {"kafka_server", "own_kafka", "kafka", "topic", "make_topic"},
    "redis": {"redis_server", "own_redis", "redis_url"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a real server, so that `-m "not kafka"` leaves them out."""
    for item in items:
        for mark, fixtures in MARKED.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def _session_kafka() -> Iterator[KafkaServer]:
    reason = kafka_missing()
    if reason is not None:
        unavailable(reason)
    server = KafkaServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def kafka_server(_session_kafka: KafkaServer) -> KafkaServer:
    """The session's broker, running; a test may kill or pause it, the next one finds it well again."""
    _session_kafka.ensure()
    return _session_kafka


@pytest.fixture
def make_topic(kafka_server: KafkaServer) -> Callable[..., str]:
    """`make_topic(partitions=3, configs={}, name=None)` makes a topic of a unique name and returns the name."""

    def make(partitions: int = 3, configs: dict[str, str] | None = None, name: str | None = None) -> str:
        name = name or f"images-{uuid.uuid4().hex[:12]}"
        admin = KafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
        try:
            admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs or {})])
        finally:
            admin.close()
        return name

    return make


@pytest.fixture
def topic(make_topic: Callable[..., str]) -> str:
    """A new topic of three partitions."""
    return make_topic()


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., KafkaServer]]:
    """`own_kafka(extra="…")` starts a broker for this test alone."""
    reason = kafka_missing()
    if reason is not None:
        unavailable(reason)
    with ExitStack() as stack:

        def start(extra: str = "") -> KafkaServer:
            server = KafkaServer(extra)
            stack.callback(server.close)
            server.start()
            return server

        yield start


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[RedisServer]:
    try:
        server = RedisServer()
    except LocalServerMissingError as error:
        unavailable(str(error))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def redis_server(_session_redis: RedisServer) -> RedisServer:
    """The session's Redis, running and empty; a test may kill, pause or wipe it."""
    _session_redis.ensure()
    with _session_redis.client() as client:
        client.flushall()
    return _session_redis


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    return redis_server.url


@pytest.fixture
def local_servers() -> None:
    """Needs the programs of the embedded broker and Redis, as the demo does."""
    try:
        broker_program()
        redis_program()
    except LocalServerMissingError as error:
        unavailable(str(error))


@pytest.fixture
def own_redis() -> Iterator[Callable[..., RedisServer]]:
    """`own_redis(maxmemory="20mb", …)` starts a Redis for this test alone; the keywords are RedisServer's."""
    with ExitStack() as stack:

        def start(**settings: object) -> RedisServer:
            try:
                server = RedisServer(**settings)  # type: ignore[arg-type]
            except LocalServerMissingError as error:
                unavailable(str(error))
            stack.callback(server.close)
            server.start()
            return server

        yield start
