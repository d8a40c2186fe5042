"""The bootstrap address answers, and names a broker that this host cannot reach."""

import socket

import pytest
from kafka.errors import KafkaError

from daemon.local.process import free_port
from streaming.announcer import Announcer
from streaming.dead_letters import DeadLetterOptions, DeadLetters
from streaming.kafka_client import BrokerWatch, NetClient
from streaming.kafka_ends import both_ends
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.kafka_source import KafkaSource, SourceOptions
from streaming.pusher import Pusher
from tests.servers.fetch_kafka import missing
from tests.servers.kafka import KafkaServer
from tests.servers.missing import unavailable
from tests.support.fake_kafka import Clock
from tests.support.ingestors import Site, eventually


class Elsewhere(KafkaServer):
    """A broker that tells its clients to go to another address than the one that it listens on."""

    def __init__(self, advertised):
        super().__init__(f"advertised.listeners=PLAINTEXT://{advertised}")

    def answers(self):
        client = NetClient(BrokerWatch(), bootstrap_servers=self.bootstrap)
        try:
            return client.get_broker_version(2_000) is not None
        except KafkaError:
            return False
        finally:
            client.close()


@pytest.fixture(scope="module")
def elsewhere():
    """`elsewhere(address)` starts a broker that names `address`."""
    reason = missing()
    if reason is not None:
        unavailable(reason)
    started = []

    def start(advertised):
        started.append(Elsewhere(advertised))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def lost(elsewhere):
    """It names a host that does not exist, as a container's broker does outside of its network."""
    return elsewhere("kafka.invalid:9092")


def named_rightly(text, server, address="kafka.invalid:9092", why="its name cannot be resolved"):
    assert f"{address} ({why}" in text
    assert "advertised.listeners" in text
    assert server.bootstrap not in text


ASKING = {
    "status": lambda options: both_ends(options, ["images"]),
    "ingest": lambda options: KafkaSource(options, SourceOptions("group", ("images",))).connect(),
    "push": lambda options: list(Pusher(options, "images", "test").push([])),
    "learn": lambda options: Announcer(options, "models", create=True).announce("default", "{}"),
    "dead letters": lambda options: DeadLetters(options, DeadLetterOptions()).ensure("images"),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING.keys())
def test_whoever_asks_is_told_the_address_that_is_wrong(lost, ask):
    options = KafkaOptions(lost.bootstrap, request_timeout_ms=2_000)
    with pytest.raises(KafkaUnavailableError) as caught:
        ask(options)
    named_rightly(str(caught.value), lost)
    assert "advertised.listeners" in caught.value.cure


def test_an_ingestor_is_not_ready_and_says_which_address_is_wrong(lost, redis_server, monkeypatch):
    monkeypatch.setattr("tests.support.ingestors.KafkaAdminClient", lambda **_: None)
    monkeypatch.setattr("tests.support.ingestors.KafkaProducer", lambda **_: None)
    site = Site(lost, redis_server, "images")
    with site.ingesting() as running:
        reason = eventually(lambda: "kafka.invalid" in (said := running.ingestor.ready()[1]) and said)
        named_rightly(reason, lost)
    site.connection.close()


def test_a_port_that_refuses_is_named(elsewhere):
    address = f"127.0.0.1:{free_port()}"
    server = elsewhere(address)
    with pytest.raises(KafkaUnavailableError) as caught:
        both_ends(KafkaOptions(server.bootstrap, request_timeout_ms=2_000), ["images"])
    named_rightly(str(caught.value), server, address, "it refuses the connection")


def test_an_address_that_never_answers_is_named(elsewhere):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        server = elsewhere(address)
        with pytest.raises(KafkaUnavailableError) as caught:
            both_ends(KafkaOptions(server.bootstrap, request_timeout_ms=2_000), ["images"])
        named_rightly(str(caught.value), server, address, "it does not answer")


def test_a_broker_that_is_down_at_the_address_of_the_settings_is_told_as_ever():
    options = KafkaOptions("127.0.0.1:9")
    options.brokers.failed("127.0.0.1:9", "refused")
    with pytest.raises(KafkaUnavailableError, match=r"Kafka at 127\.0\.0\.1:9 does not answer"):
        both_ends(options, ["images"])


def test_what_is_reached_again_or_failed_long_ago_is_not_told():
    clock = Clock()
    watch = BrokerWatch(clock)
    watch.failed("b:1", "refused")
    watch.failed("a:1", "its name cannot be resolved")
    assert watch.unreachable() == {"a:1": "its name cannot be resolved", "b:1": "refused"}
    watch.reached("a:1")
    assert watch.unreachable() == {"b:1": "refused"}
    clock.pass_s(31)
    assert watch.unreachable() == {}
    watch.trying("slow:1")
    assert watch.unreachable() == {}
    clock.pass_s(2)
    assert watch.unreachable() == {"slow:1": "it does not answer"}
    watch.given_up("slow:1")
    watch.trying("quick:1")
    watch.given_up("quick:1")
    assert watch.unreachable() == {"slow:1": "it does not answer"}
    for number in range(1_000):
        watch.failed(f"broker-{number}:1", "refused")
    assert len(watch.unreachable()) <= 100
