"""A producer dies within a transaction, on the real broker: the good records of others lie behind it."""

import pytest
from kafka import KafkaProducer
from structlog.testing import capture_logs

from daemon.ingest import transactions
from streaming.kafka_ends import both_ends
from streaming.kafka_options import KafkaOptions
from tests.support.ingestors import Site, check_chain


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


@pytest.fixture
def hanging(site):
    """A producer that has opened a transaction behind the first 20 records, and sends no more."""
    producer = KafkaProducer(
        bootstrap_servers=site.kafka.bootstrap, transactional_id=site.topic, transaction_timeout_ms=120_000
    )
    producer.init_transactions()
    site.send(20)
    producer.begin_transaction()
    producer.send(site.topic, value=site.image, headers=[("ce_label", b"cat")]).get(10)
    yield producer
    producer.close(timeout=2)


def test_what_waits_behind_a_transaction_is_no_calm(site, hanging, monkeypatch):
    monkeypatch.setattr(transactions, "OPEN_MAX_S", 0.5)
    site.send(200)
    place = site.topic, 0
    with capture_logs() as logs, site.ingesting(servers=site.kafka.bootstrap) as running:
        site.wait_position(20)
        running.until(lambda: running.seen.uncommitted_records.get(place) == 201)
        assert running.seen.lags[place] == 201
        said = running.until(lambda: [line for line in logs if line["event"].startswith("records wait behind")])
        assert (said[0]["records"], said[0]["open_at"]) == (201, 20)
        command = f"kafka-transactions.sh --bootstrap-server {site.kafka.bootstrap} abort --topic {site.topic}"
        assert f"{command} --partition 0 --start-offset 20" in said[0]["cure"]
        assert running.ingestor.ready() == (True, "")
        assert list(both_ends(site.options, [site.topic]).values()) == [(20, 221)]
        hanging.commit_transaction()
        site.wait_position(221)
        running.until(lambda: running.seen.uncommitted_records[place] == 0)
        running.until(lambda: running.seen.lags[place] == 0)
    assert check_chain(site.entries()) == 221


def test_a_transaction_that_ends_in_time_is_not_said(site, hanging):
    with capture_logs() as logs, site.ingesting() as running:
        site.wait_position(20)
        running.until(lambda: running.seen.uncommitted_records.get((site.topic, 0)) == 1)
        hanging.abort_transaction()
        site.send(5)
        running.until(lambda: running.seen.uncommitted_records.get((site.topic, 0)) == 0)
    assert not any("transaction" in line["event"] for line in logs)


def test_both_ends_of_a_quiet_log_are_one(site):
    site.send(3)
    assert list(both_ends(KafkaOptions(site.kafka.bootstrap), [site.topic]).values()) == [(3, 3)]
    assert both_ends(site.options, ["no-such-topic"]) == {}
