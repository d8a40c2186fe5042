"""Real processes that die of one record, on real Kafka and Redis: three of them, and then it is a dead letter."""

import signal
import subprocess
import sys

import pytest

from streaming.records import Reason
from tests.support.ingestors import Site, check_chain, eventually, markers

DEADLY = 37
RECORDS = 120


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


def start(site, name):
    arguments = [site.kafka.bootstrap, site.redis.url, site.topic, site.job, name, str(DEADLY)]
    return subprocess.Popen([sys.executable, "-m", "tests.support.deadly_ingestor", *arguments])


def test_the_third_process_that_dies_of_a_record_is_the_last_also_where_each_is_another_ingestor(site):
    site.send(RECORDS)
    for life in range(3):
        assert start(site, f"ingestor-{life}").wait(60) == -signal.SIGKILL
    last = start(site, "ingestor-3")
    try:
        eventually(lambda: site.buffer.position(site.log()) == RECORDS or last.poll() is not None, "all taken in", 60)
        assert last.poll() is None
    finally:
        last.terminate()
        assert last.wait(30) == 0
    entries = site.entries()
    assert check_chain(entries) == RECORDS
    assert [(marker.offset, marker.reason) for marker in markers(entries)] == [(DEADLY, Reason.UNDECODABLE)]
    (letter,) = site.consume(f"{site.topic}.dlq", 1)
    headers = dict(letter.headers)
    assert letter.value == site.image
    assert headers["tidemill.reason"] == b"undecodable"
    assert b"the process died 3 times" in headers["__connect.errors.exception.message"]
    assert site.buffer.in_hand(site.log()) == ("", ""), "a stop in order leaves no note"
