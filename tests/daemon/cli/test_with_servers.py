"""`status` and `release` on real Redis and Kafka."""

import time

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_ends import end_offsets
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.records import Log, Marker, Reason
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection
from tests.support.roles import eventually
from tests.support.windows import LOG as LEARNT_LOG


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def marker(offset: int) -> Marker:
    return Marker(offset, offset, 0, now_ms(), Reason.EMPTY)


@pytest.fixture
def buffer(redis_url):
    connection = RedisConnection(redis_url)
    yield RedisIngestBuffer(connection, "default", now_ms)
    connection.close()


def test_status_shows_what_redis_has(run, history, buffer, redis_url):
    log = Log(LEARNT_LOG.topic, LEARNT_LOG.topic_id, LEARNT_LOG.partition)
    buffer.register(log, 95)
    buffer.append(log, 0, [marker(offset) for offset in range(80, 90)], "b")
    told = run("status", "--json", "--set", f"redis.url={redis_url}").json
    assert told["positions"] == [
        {
            "topic": log.topic,
            "topic_id": log.topic_id,
            "partition": 0,
            "learnt": 80,
            "buffered": 90,
            "end": 95,
        }
    ]
    assert told["buffer"]["samples"] == 10
    assert told["buffer"]["bytes"] > 0
    assert len(told["unreachable"]) == 1


def test_status_says_whose_clock_is_wrong(run, history, redis_url):
    connection = RedisConnection(redis_url)
    ahead = RedisIngestBuffer(connection, "default", lambda: now_ms() + 3_600_000)
    right = RedisIngestBuffer(connection, "default", now_ms)
    for partition in range(5):
        ahead.register(Log("images", "id", partition), 7)
    right.register(Log("images", "id", 9), 7)
    told = run("status", "--json", "--set", f"redis.url={redis_url}").json
    assert abs(told["clocks"]["here_s"]) < 5
    assert [one["partition"] for one in told["clocks"]["ingestors"]] == [0, 1, 2, 3, 4]
    text = run("status", "--set", f"redis.url={redis_url}").out
    assert "images:0, images:1, images:2 and 2 more is 3600 s ahead of that of Redis" in " ".join(text.split())
    connection.close()


def test_status_shows_the_ends_of_now(run, history, redis_url, kafka_server, topic):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(7):
        producer.send(topic, b"x", partition=1)
    producer.close()
    sets = (f"redis.url={redis_url}", f"kafka.bootstrap_servers={kafka_server.bootstrap}", f"kafka.topics={topic}")
    ran = run("status", "--json", *(part for one in sets for part in ("--set", one)))
    assert ran.err == ""
    ends = {one["partition"]: one["end"] for one in ran.json["positions"] if one["topic"] == topic}
    assert ends == {0: 0, 1: 7, 2: 0}


def test_ends_of_topics_that_do_not_exist_are_left_out(kafka_server):
    assert end_offsets(KafkaOptions(kafka_server.bootstrap), ["no-such-topic"]) == {}


def test_ends_cannot_be_had_where_nobody_answers():
    with pytest.raises(KafkaUnavailableError):
        end_offsets(KafkaOptions("127.0.0.1:9"), ["images"])


def test_the_brake_is_released_by_name(run, buffer, redis_url):
    log = Log("images", "abc", 0)
    buffer.append(log, 0, [marker(offset) for offset in range(100)], "ingest-2")
    ran = run("release", "--brake", "--name", "ingest-2", "--set", f"redis.url={redis_url}")
    assert ran.status == 0
    assert "100 of its last 100 records" in ran.out
    assert buffer.outcomes("ingest-2") == (0, 0)


def test_a_brake_that_is_not_on_or_not_there_is_not_released(run, buffer, redis_url):
    log = Log("images", "abc", 0)
    buffer.append(log, 0, [marker(offset) for offset in range(10)], "ingest-2")
    ran = run("release", "--brake", "--name", "ingest-2", "--set", f"redis.url={redis_url}")
    assert (ran.status, ran.out) == (1, "")
    assert "is not on" in ran.err
    assert buffer.outcomes("ingest-2") == (10, 10)
    for wrong in (("--name", "ingest-9"), ("--name", "ingest-2", "--set", "job=birds")):
        ran = run("release", "--brake", *wrong, "--set", f"redis.url={redis_url}")
        assert (ran.status, ran.out) == (1, "")
        assert f"no ingestor {wrong[1]!r} is known in job" in ran.err
        assert "--set job=" in ran.err


@pytest.fixture
def sets(redis_url, kafka_server):
    return ("--set", f"redis.url={redis_url}", "--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}")


@pytest.fixture
def topic_id(kafka_server, topic):
    admin = KafkaAdmin(KafkaOptions(kafka_server.bootstrap))
    try:
        return eventually(lambda: admin.topic_ids([topic]), "the topic is known")[topic]
    finally:
        admin.close()


def test_a_truncated_partition_is_released(run, buffer, sets, topic, topic_id):
    buffer.append(Log(topic, topic_id, 1), 0, [marker(offset) for offset in range(3)], "b")
    assert run("release", "--partition", f"{topic}:1", *sets).status == 0
    assert (buffer.incarnation(topic, topic_id, 1), buffer.incarnation(topic, topic_id, 0)) == (1, 0)
    for wrong in ("no-such-topic:0", f"{topic}:3"):
        assert run("release", "--partition", wrong, *sets).status == 1


def test_a_partition_that_is_whole_is_not_released_unless_forced(run, buffer, kafka_server, sets, topic, topic_id):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(3):
        producer.send(topic, b"x", partition=1)
    producer.close()
    buffer.append(Log(topic, topic_id, 1), 0, [marker(offset) for offset in range(3)], "b")
    ran = run("release", "--partition", f"{topic}:1", *sets)
    assert (ran.status, ran.out) == (1, "")
    assert f"{topic}/1 is not truncated: its log ends at 3, and 3 records of it were read" in ran.err
    assert "--force" in ran.err
    assert buffer.incarnation(topic, topic_id, 1) == 0
    assert run("release", "--partition", f"{topic}:1", "--force", *sets).status == 0
    assert buffer.incarnation(topic, topic_id, 1) == 1


@pytest.mark.parametrize("word", ["this log's", "another's"])
def test_with_redis_lost_what_is_committed_says_how_far_was_read(
    run, buffer, kafka_server, sets, topic, topic_id, word
):
    metadata = topic_id if word == "this log's" else "another"
    consumer = KafkaConsumer(bootstrap_servers=kafka_server.bootstrap, group_id=topic)
    place = TopicPartition(topic, 1)
    consumer.assign([place])
    consumer.commit({place: OffsetAndMetadata(7, metadata, -1)})
    consumer.close()
    ran = run("release", "--partition", f"{topic}:1", *sets, "--set", f"kafka.group={topic}")
    assert ran.status == (0 if word == "this log's" else 1), ran.err


@pytest.mark.parametrize(
    "args", [[], ["--brake", "--partition", "a:0"], ["--partition", "images"], ["--partition", "a:x"]]
)
def test_what_to_release_must_be_clear(run, args):
    assert run("release", *args).status == 2


def test_release_without_redis_is_one_line(run):
    ran = run("release", "--brake")
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "redis.url" in ran.err
