"""What is away, full or changing hands: nothing is lost, nothing comes twice, and the ingestor stays in its group."""

import random
import time

import pytest
from structlog.testing import capture_logs

from tests.support import ingestors
from tests.support.ingestors import SIZE, Site, check_chain, eventually, now_ms

ENTRY_BYTES = SIZE * SIZE * 3


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(3))
    yield one
    one.close()


def check_complete(site, sent):
    """Every record of every partition left exactly one entry."""
    for partition, count in sent.items():
        entries = site.entries(partition)
        assert [entry.offset for entry in entries] == list(range(count))
        assert check_chain(entries) == count


def test_two_ingestors_that_take_from_each_other_lose_and_double_nothing(site):
    sent = dict.fromkeys(range(3), 0)
    draw = random.Random(7)

    def send(rounds):
        for _ in range(rounds):
            partition = draw.randrange(3)
            sent[partition] = site.send(draw.randrange(1, 120), partition) + 1

    send(12)
    first = site.ingestor("one").start()
    send(6)
    second = site.ingestor("two").start()
    eventually(lambda: len(first.ingestor._lanes.open) + len(second.ingestor._lanes.open) == 3)
    eventually(lambda: first.ingestor._lanes.open and second.ingestor._lanes.open, "both have a share")
    send(12)
    assert first.end() < 4
    send(6)
    third = site.ingestor("three").start()
    send(6)
    for partition, count in sent.items():
        site.wait_position(count, partition)
    second.end()
    third.end()
    check_complete(site, sent)
    assert sum(one.seen.counts["consumed"] for one in (first, second, third)) == sum(sent.values())
    assert second.seen.counts["consumed"] > 0


def test_redis_away_and_wiped_meanwhile_fills_again_from_what_is_learnt(site):
    sent = {0: site.send(300, 0) + 1}
    with site.ingesting() as running:
        site.wait_position(300)
        site.learner.leave_learnt(site.log(), 200)
        running.until(site.committed)
        site.redis.kill()
        sent[0] = site.send(100, 0) + 1
        eventually(lambda: running.causes == {"redis"})
        ready, reason = running.ingestor.ready()
        assert not ready
        assert reason.startswith("redis: ")
        site.redis.wipe()
        eventually(lambda: site.buffer.position(site.log()) >= 400, timeout_s=20)
        eventually(lambda: running.ingestor.ready() == (True, ""))
    assert check_chain(site.entries(), start=200) == 400
    assert [entry.offset for entry in site.entries()] == list(range(200, 400))


def test_redis_wiped_and_back_before_anyone_asked_is_noticed_on_quiet_topics(site):
    site.send(50)
    with site.ingesting() as running:
        site.wait_position(50)
        site.redis.client().flushall()
        running.until(lambda: site.buffer.position(site.log()) == 50)
    assert check_chain(site.entries()) == 50


def test_at_the_byte_limit_it_pauses_keeps_polling_and_loses_nothing(site):
    limit = 100 * (ENTRY_BYTES + 300)
    sent = {partition: site.send(250, partition) + 1 for partition in range(3)}
    with site.ingesting(bytes_max=limit, low_water=0.5, batch_records=16) as running:
        taken = set()
        paused = 0

        def drained():
            nonlocal paused
            if "buffer_full" in running.causes:
                paused += 1
                assert site.buffer.bytes_used() < 2 * limit
                # As the learner does: read what is there, then trim.
                for partition in range(3):
                    entries = site.entries(partition)
                    taken.update((partition, entry.offset) for entry in entries)
                    if entries:
                        site.learner.trim(site.log(partition), entries[-1].offset + 1)
            return all(site.buffer.position(site.log(one)) == count for one, count in sent.items())

        eventually(drained, timeout_s=40)
        for partition in range(3):
            taken.update((partition, entry.offset) for entry in site.entries(partition))
        assert paused > 2
        assert len(running.seen.causes) > 3
    assert len(taken) == 750
    assert running.seen.counts["consumed"] == 750


def test_memory_that_redis_refuses_is_waited_for(site, own_redis):
    crowded = Site(site.kafka, own_redis(appendonly=False), site.topic)
    used = crowded.connection.call("INFO", "memory")["used_memory"]
    crowded.connection.call("CONFIG", "SET", "maxmemory", used + 1_000_000)
    sent = {0: site.send(5_000, 0) + 1}
    with crowded.ingesting() as running:
        eventually(lambda: running.causes == {"buffer_full"})
        stuck = crowded.buffer.position(crowded.log())
        assert 0 < stuck < 5_000
        assert running.ingestor.ready()[0], "back-pressure is not a fault of the ingestor"
        taken = set()

        def drained():
            entries = crowded.entries()
            taken.update(entry.offset for entry in entries)
            if entries:
                crowded.learner.trim(crowded.log(), entries[-1].offset + 1)
            return crowded.buffer.position(crowded.log()) == sent[0]

        eventually(drained, timeout_s=40)
        taken.update(entry.offset for entry in crowded.entries())
    assert taken == set(range(5_000))
    crowded.close()


def test_a_missing_topic_is_waited_for_and_said(site, make_topic):
    late = f"{site.topic}-late"
    site.send(10)
    with site.ingesting(topics=[site.topic, late], letters={"create_topics": False}) as running:
        site.wait_position(10)
        ready, reason = running.ingestor.ready()
        assert not ready
        assert late in reason
        assert "kafka.create_topics" in reason
        make_topic(1, name=late)
        running.until(lambda: running.ingestor.ready() == (True, ""))
        site.send(5, topic=late)
        site.wait_position(5, log=site.log(topic=late), timeout_s=15)


def test_a_missing_topic_is_made_where_that_is_allowed(site):
    made = f"{site.topic}-made"
    with site.ingesting(topics=[made], source={"create_topics": True, "partitions": 2}):
        eventually(lambda: len(site.admin.describe_topics([made])[0]["partitions"]) == 2)
        site.send(5, topic=made)
        site.wait_position(5, log=site.log(topic=made), timeout_s=15)


def test_a_broker_that_is_killed_comes_back_to_an_ingestor_that_waited(site):
    site.send(50)
    log = site.log()
    with site.ingesting() as running:
        site.wait_position(50)
        site.kafka.kill()
        eventually(lambda: not running.ingestor.ready()[0], timeout_s=20)
        assert "kafka" in running.ingestor.ready()[1]
        site.kafka.start()
        eventually(lambda: site.send(50) == 99, timeout_s=20)
        site.wait_position(100, log=log)
        eventually(lambda: running.ingestor.ready() == (True, ""), timeout_s=20)
    assert check_chain(site.entries(log=log)) == 100


def test_it_stops_within_seconds_also_where_nothing_answers(site, own_redis):
    gone = own_redis()
    elsewhere = Site(site.kafka, gone, site.topic)
    running = elsewhere.ingestor().start()
    eventually(lambda: running.ingestor._lanes.open)
    gone.pause()
    time.sleep(0.5)
    took = running.end()
    gone.resume()
    assert took < 6
    elsewhere.close()


def test_eviction_turned_on_in_the_running_redis_stops_and_is_said_until_it_is_put_right(site):
    site.send(5)
    with site.ingesting() as running, site.redis.client() as client:
        site.wait_position(5)
        try:
            client.config_set("maxmemory-policy", "allkeys-lru")
            eventually(lambda: "eviction" in running.causes, "noticed")
            ready, why = running.ingestor.ready()
            assert not ready
            assert "allkeys-lru" in why
            assert "set maxmemory-policy noeviction" in why
            site.send(5)
            time.sleep(1)
            assert site.buffer.position(site.log()) == 5
        finally:
            client.config_set("maxmemory-policy", "noeviction")
        site.wait_position(10)
        assert running.ingestor.ready() == (True, "")


@pytest.mark.parametrize("ahead_s", [3600, -3600])
def test_an_ingestor_whose_clock_is_wrong_leaves_the_time_of_redis_and_says_so(site, monkeypatch, ahead_s):
    monkeypatch.setattr(ingestors, "now_ms", lambda: now_ms() + 1000 * ahead_s)
    site.send(5)
    with capture_logs() as lines, site.ingesting() as running:
        site.wait_position(5)
        assert all(abs(entry.buffered_ms - now_ms()) < 60_000 for entry in site.entries())
        state = next(one for one in site.learner.logs() if one.log.partition == 0)
        assert abs(state.ahead_ms - 1000 * ahead_s) < 5_000
        assert 0 <= state.now_ms - state.registered_ms < 60_000
        assert running.ingestor.ready() == (True, ""), "it is said, and nothing more"
    (line,) = [line for line in lines if "clock" in line["event"]]
    assert "3600 s" in line["event"]
    assert line["skew_s"] == pytest.approx(ahead_s, abs=5)
