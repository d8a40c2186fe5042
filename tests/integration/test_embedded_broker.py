"""The embedded broker (Tansu) tells a log's end as the first record of its last batch; 0 with a transaction open."""

import pytest
from kafka import KafkaProducer

from daemon.local.broker import local_broker
from streaming.kafka_ends import end_offsets
from streaming.kafka_fetch import KafkaFetch
from streaming.source import Partition
from tests.support.ingestors import Site, check_chain, eventually


@pytest.fixture
def site(local_servers, redis_server):
    with local_broker() as address:
        broker = type("Broker", (), {"bootstrap": address})()
        one = Site(broker, redis_server, "images")
        one.admin.create_topics({"images": {"num_partitions": 1, "replication_factor": 1}})
        one.producer.close(timeout=2)
        one.producer = KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=500)
        yield one
        one.close()


def test_a_restart_reads_on_where_the_end_is_told_too_low(site):
    site.send(8)
    with site.ingesting() as running:
        site.wait_position(8)
        eventually(lambda: running.ingestor.ready() == (True, ""))
    (told,) = end_offsets(site.options, ["images"]).values()
    assert told < 8, "or this test shows nothing"
    with site.ingesting() as running:
        eventually(lambda: running.ingestor._lanes.open)
        assert running.seen.halted == {}
        site.send(4)
        site.wait_position(12)
        running.until(lambda: running.ingestor.ready() == (True, ""))
        assert running.seen.lags["images", 0] >= 0
    assert check_chain(site.entries()) == 12


def test_nor_is_a_log_truncated_whose_transaction_is_open(site):
    site.send(8)
    with site.ingesting():
        site.wait_position(8)
    producer = KafkaProducer(bootstrap_servers=site.kafka.bootstrap, transactional_id="edge")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send("images", value=site.image, headers=[("ce_label", b"cat")]).get(10)
    assert list(end_offsets(site.options, ["images"]).values()) == [0]
    with site.ingesting() as running:
        eventually(lambda: running.ingestor._lanes.open)
        assert running.seen.halted == {}
        producer.commit_transaction()
        producer.close(timeout=2)
    assert check_chain(site.entries()) >= 8


def test_a_fetch_knows_where_the_log_ends(site):
    site.send(8)
    for offset in (0, 8):
        found = KafkaFetch(site.options).fetch(Partition("images", 0), offset)
        assert (found.end, found.out_of_range) == (8, False)


def test_the_real_broker_says_what_lies_beyond_its_end(kafka_server, redis_server, topic):
    site = Site(kafka_server, redis_server, topic)
    site.send(8)
    fetch = KafkaFetch(site.options)
    assert not fetch.fetch(Partition(topic, 0), 8).out_of_range
    assert fetch.fetch(Partition(topic, 0), 9).out_of_range
    assert len(fetch.fetch(Partition(topic, 0), 0).records) > 0
    site.close()
