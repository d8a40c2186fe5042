"""A topic that an operator deletes stays deleted, whatever runs, on a broker that makes what it is asked for."""

import threading
import time
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient
from structlog.testing import capture_logs

from streaming.announcer import Announcer
from streaming.kafka_admin import TopicMissingError
from streaming.pusher import Picture, Pusher
from tests.support.images import encode, picture
from tests.support.ingestors import Site, check_chain, eventually

QUIET_S = 12.0
"""More than two of the clients' looks at the metadata, and of the ingestor's at the topics."""


@pytest.fixture(scope="module")
def broker():
    """As brokers are by default: a topic that is asked for is made, of two partitions here."""
    from tests.servers.fetch_kafka import missing
    from tests.servers.kafka import KafkaServer
    from tests.servers.missing import unavailable

    reason = missing()
    if reason is not None:
        unavailable(reason)
    server = KafkaServer("auto.create.topics.enable=true\nnum.partitions=2")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def admin(broker):
    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    yield client
    client.close()


@pytest.fixture
def made(broker, admin, redis_server):
    """`made(name, partitions)`: a site of a new topic."""
    sites = []

    def make(name, partitions=3):
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}})
        sites.append(Site(broker, redis_server, name))
        eventually(lambda: name in partitions_of(admin))
        return sites[-1]

    yield make
    for one in sites:
        one.close()


def partitions_of(admin):
    return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}


def delete(site, admin, *topics):
    """Delete as an operator does; the test's own producer of the topic is gone by then, for it would ask for it."""
    site.producer.close(timeout=2)
    admin.delete_topics(list(topics))
    eventually(lambda: not set(topics) & partitions_of(admin).keys())


def stays_gone(admin, *topics, seconds=QUIET_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert not set(topics) & partitions_of(admin).keys(), "it is back"
        time.sleep(0.1)


def test_a_topic_and_its_dead_letters_stay_gone_under_an_ingestor_and_are_missed(made, admin):
    site = made("gone")
    admin.create_topics({"gone.dlq": {"num_partitions": 1, "replication_factor": 1}})
    site.send(5)
    site.send(value=b"no picture")
    with capture_logs() as logs, site.ingesting(letters={"create_topics": False}) as running:
        site.wait_position(6)
        eventually(lambda: running.ingestor.ready() == (True, ""))
        old = site.topic_id()
        delete(site, admin, "gone", "gone.dlq")
        stays_gone(admin, "gone", "gone.dlq")
        is_ready, reason = running.ingestor.ready()
        assert not is_ready
        assert "topics: topic gone does not exist: create it" in reason
        assert any(line["event"] == "waiting for the missing topic" for line in logs)
        admin.create_topics({"gone": {"num_partitions": 1, "replication_factor": 1}})
        eventually(lambda: partitions_of(admin).get("gone") == 1)
        again = Site(site.kafka, site.redis, "gone", site.job)
        again.send(4)
        new = again.log()
        assert new.topic_id != old
        again.wait_position(4, log=new)
        running.until(lambda: running.ingestor.ready() == (True, ""))
        assert check_chain(again.entries(log=new)) == 4
        again.close()


def test_dead_letters_without_their_topic_wait_and_say_so(made, admin):
    site = made("letters", 1)
    admin.create_topics({"letters.dlq": {"num_partitions": 1, "replication_factor": 1}})
    site.send(value=b"no picture")
    with capture_logs() as logs, site.ingesting(letters={"create_topics": False}) as running:
        site.wait_position(1)
        admin.delete_topics(["letters.dlq"])
        eventually(lambda: "letters.dlq" not in partitions_of(admin))
        eventually(lambda: any(line["event"] == "no topic for dead letters" for line in logs), timeout_s=20)
        site.send(value=b"no picture either")
        eventually(lambda: "letters.dlq" in running.ingestor.ready()[1], timeout_s=30)
        assert "topic 'letters.dlq' does not exist" in running.ingestor.ready()[1]
        stays_gone(admin, "letters.dlq", seconds=6)
        admin.create_topics({"letters.dlq": {"num_partitions": 1, "replication_factor": 1}})
        site.wait_position(2)
        eventually(lambda: running.ingestor.ready() == (True, ""))


def test_where_topics_are_made_they_are_made_as_we_want_them(made, admin):
    site = made("ours")
    source = {"create_topics": True, "partitions": 5}
    with site.ingesting(source=source) as running:
        eventually(lambda: running.ingestor.ready() == (True, ""))
        eventually(lambda: "ours.dlq" in partitions_of(admin))
        old = site.topic_id()
        site.producer.close(timeout=2)
        admin.delete_topics(["ours", "ours.dlq"])
        eventually(lambda: partitions_of(admin).get("ours") == 5 and partitions_of(admin).get("ours.dlq") == 5)
        assert site.topic_id() != old


def test_the_topic_of_announcements_stays_gone_and_the_next_one_says_so(made, admin):
    site = made("announced.models", 1)
    announcer = Announcer(site.options, site.topic, create=False)
    announcer.announce("default", "{}")
    delete(site, admin, site.topic)
    stays_gone(admin, site.topic, seconds=7)
    for _ in range(2):
        with pytest.raises(TopicMissingError, match=r"announced\.models"):
            announcer.announce("default", "{}")
    stays_gone(admin, site.topic, seconds=2)
    admin.create_topics({site.topic: {"num_partitions": 1, "replication_factor": 1}})
    eventually(lambda: site.topic in partitions_of(admin))
    announcer.announce("default", "{}")
    announcer.close()


def test_a_push_whose_topic_is_deleted_ends_and_says_so(made, admin, tmp_path):
    site = made("pushed", 1)
    (tmp_path / "cat").mkdir()
    pictures = []
    for number in range(6):
        path = tmp_path / "cat" / f"{number}.png"
        path.write_bytes(encode(picture(8, 8), "PNG"))
        pictures.append(Picture(path, "cat", f"cat/{number}.png"))
    halfway = SimpleNamespace(deleted=False)

    def given():
        yield from pictures[:3]
        delete(site, admin, "pushed")
        halfway.deleted = True
        yield from pictures[3:]

    pusher = Pusher(site.options, "pushed", "test")
    results = []
    began = time.monotonic()
    thread = threading.Thread(target=lambda: results.extend(pusher.push(given())))
    thread.start()
    thread.join(90)
    assert not thread.is_alive()
    assert time.monotonic() - began < 80
    last = results[-1]
    assert last.acknowledged <= 3
    assert last.acknowledged + last.failed == 6
    assert "topic 'pushed' does not exist" in last.failures[-1].reason
    pusher.close()
    stays_gone(admin, "pushed", seconds=2)
