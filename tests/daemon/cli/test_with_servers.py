"""`status` and `release` on real Redis and Kafka."""

import time
from dataclasses import replace

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from daemon.local.broker import local_broker
from streaming.buffer import ALL_TOPICS, Outcomes
from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_ends import end_offsets
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.keys import Keys
from streaming.records import Log, Marker, Reason
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection
from streaming.source import Unreadable
from tests.support.client_codecs import client_restored
from tests.support.entries import samples
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
    assert (told["buffer"]["samples"], told["buffer"]["dead_letters"]) == (0, 10), "dead letters are no samples"
    assert told["buffer"]["bytes"] > 0
    assert told["dead_letters"] == {
        "total": 10,
        "reasons": {"empty": 10},
        "topics": [{"topic": log.topic, "dead_letters": f"{log.topic}.dlq", "total": 10, "reasons": {"empty": 10}}],
    }
    assert len(told["unreachable"]) == 1


def test_status_counts_dead_letters_by_reason_apart_from_samples(run, history, buffer, redis_url):
    log = Log(LEARNT_LOG.topic, LEARNT_LOG.topic_id, LEARNT_LOG.partition)
    buffer.register(log, 90)
    letters = [replace(marker(offset), reason=Reason.TOMBSTONE) for offset in range(83, 87)]
    buffer.append(log, 0, [*samples(range(80, 83)), *letters, marker(87)], "b")
    ran = run("status", "--set", f"redis.url={redis_url}")
    assert "buffer    3 samples waiting and 5 dead letters to account for" in ran.out
    assert f"dead      5 records of {log.topic} went to {log.topic}.dlq: 4 tombstone, 1 empty" in ran.out


def test_status_without_redis_says_that_nothing_is_known(run, history):
    told = run("status", "--json").json
    assert told["buffer"] == {"samples": None, "dead_letters": None, "bytes": None}
    assert told["dead_letters"] is None


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


def test_the_brake_is_released_by_name(run, buffer, sets, kafka_server, topic, topic_id):
    log = Log(topic, topic_id, 1)
    sources = dict.fromkeys(range(100), "camera-1")
    buffer.append(log, 0, [marker(offset) for offset in range(100)], "ingest-2", sources)
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(120):
        producer.send(topic, b"x", partition=1)
    producer.close()
    ran = run("release", "--brake", "--name", "ingest-2", *sets)
    assert ran.status == 0, ran.err
    assert f"on {topic}: 100 of its last 100 records were dead letters (empty 100 (camera-1 100))" in ran.out
    assert "0: 0, 1: 120, 2: 0" in ran.out
    buffer.append(log, 100, [marker(offset) for offset in range(100, 120)], "ingest-2")
    buffer.append(replace(log, partition=2), 0, [marker(offset) for offset in range(3)], "ingest-9")
    assert buffer.outcomes("ingest-2") == {}, "whatever was there at the release"
    assert buffer.outcomes("ingest-9") == {topic: Outcomes(3, 3)}, "and no more"


def test_what_waits_behind_an_open_transaction_is_let_go_too(run, buffer, sets, kafka_server, topic, topic_id):
    buffer.append(Log(topic, topic_id, 1), 0, [marker(offset) for offset in range(100)], "ingest-2")
    options = {"transaction_timeout_ms": 60_000, "allow_auto_create_topics": False}
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, transactional_id=f"open-{topic}", **options)
    producer.init_transactions()
    producer.begin_transaction()
    for _ in range(120):
        producer.send(topic, b"x", partition=1)
    producer.flush()
    ran = run("release", "--brake", "--name", "ingest-2", *sets)
    producer.abort_transaction()
    producer.close()
    assert ran.status == 0, ran.err
    assert "0: 0, 1: 120, 2: 0" in ran.out


def test_the_brake_is_released_for_so_many_records_of_one_topic_without_kafka(run, buffer, redis_url):
    for name in ("images", "birds"):
        buffer.append(Log(name, "abc", 0), 0, [marker(offset) for offset in range(100)], "ingest-2")
    given = ("--name", "ingest-2", "--topic", "birds", "--records", "50", "--set", f"redis.url={redis_url}")
    assert run("release", "--brake", *given).status == 0
    for name in ("images", "birds"):
        buffer.append(Log(name, "abc", 0), 100, [marker(offset) for offset in range(100, 160)], "ingest-2")
    assert buffer.outcomes("ingest-2") == {"images": Outcomes(160, 160), "birds": Outcomes(10, 10)}
    assert run("release", "--brake", *given).status == 1, "it is not on there"


def test_a_brake_of_0_1_is_released_for_every_topic(run, buffer, sets, redis_url, topic, topic_id):
    with redis.Redis.from_url(redis_url) as client:
        client.set(Keys("default").outcomes("ingest-2"), "x" * 200)
    assert buffer.outcomes("ingest-2") == {ALL_TOPICS: Outcomes(200, 200)}
    ran = run("release", "--brake", "--name", "ingest-2", *sets, "--set", f"kafka.topics={topic}")
    assert ran.status == 0, ran.err
    assert "200 of its last 200 records" in ran.out
    assert buffer.outcomes("ingest-2") == {}


def test_until_the_ends_of_now_wants_kafka_and_says_what_does_not(run, buffer, redis_url):
    buffer.append(Log("images", "abc", 0), 0, [marker(offset) for offset in range(100)], "ingest-2")
    ran = run("release", "--brake", "--name", "ingest-2", "--set", f"redis.url={redis_url}")
    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "kafka.bootstrap_servers" in ran.err
    assert "--records" in ran.err
    assert buffer.outcomes("ingest-2") == {"images": Outcomes(100, 100)}, "nothing was let go by half"


def test_a_brake_that_is_not_on_or_not_there_is_not_released(run, buffer, redis_url):
    log = Log("images", "abc", 0)
    buffer.append(log, 0, [marker(offset) for offset in range(10)], "ingest-2")
    ran = run("release", "--brake", "--name", "ingest-2", "--set", f"redis.url={redis_url}")
    assert (ran.status, ran.out) == (1, "")
    assert "is not on" in ran.err
    assert buffer.outcomes("ingest-2") == {"images": Outcomes(10, 10)}
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


def test_what_can_be_read_is_not_skipped(run, buffer, kafka_server, sets, topic, topic_id):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(3):
        producer.send(topic, b"x", partition=1)
    producer.close()
    ran = run("release", "--partition", f"{topic}:1", "--skip", "0", *sets)
    assert (ran.status, ran.out) == (1, "")
    assert f"{topic}/1 can be read from offset 0 on" in ran.err
    assert buffer.skip(Log(topic, topic_id, 1)) is None


def test_what_unpacks_to_more_than_an_ingestor_takes_cannot_be_read_here_either(run, buffer, kafka_server, sets, topic):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, compression_type="gzip")
    producer.send(topic, bytes(100_000), partition=1)
    producer.close()
    with client_restored():
        limit = ("--set", "kafka.unpack_max_bytes=50000")
        ran = run("release", "--partition", f"{topic}:1", "--skip", "0", *sets, *limit)
    assert (ran.status, ran.err) == (0, "")
    assert "of gzip unpacks to more than 50000 bytes; raise kafka.unpack_max_bytes" in ran.out


@pytest.fixture
def unreadable(monkeypatch):
    """No client can read what is fetched."""
    batch = Unreadable(2, 4, "the checksum is wrong", 99, "ab")
    monkeypatch.setattr("streaming.unreadable.first_unreadable", lambda *_: batch)


def test_what_cannot_be_read_is_skipped_for_one_who_names_it(run, buffer, sets, topic, topic_id, unreadable):
    for wrong in (1, 5):
        ran = run("release", "--partition", f"{topic}:1", "--skip", str(wrong), *sets)
        assert (ran.status, ran.out) == (1, "")
        assert "begin with 2 and end with 4" in ran.err
    assert buffer.skip(Log(topic, topic_id, 1)) is None
    ran = run("release", "--partition", f"{topic}:1", "--skip", "4", *sets)
    assert (ran.status, ran.err) == (0, "")
    assert "offsets 2 to 4 become dead letters (the checksum is wrong)" in ran.out
    assert buffer.skip(Log(topic, topic_id, 1)) == 4
    assert buffer.skip(Log(topic, topic_id, 0)) is None


@pytest.mark.parametrize("args", [["--skip", "4"], ["--brake", "--skip", "4"], ["--partition", "a:0", "--skip", "x"]])
def test_a_skip_names_its_partition(run, args):
    assert run("release", *args).status == 2


def test_on_the_embedded_broker_a_live_log_is_not_released(run, buffer, redis_url, local_servers):
    """It tells as a log's end the first record of its last batch."""
    with local_broker() as address:
        options = KafkaOptions(address)
        admin = KafkaAdmin(options)
        admin.create("images", 1)
        producer = KafkaProducer(bootstrap_servers=address, linger_ms=500)
        for _ in range(3):
            producer.send("images", b"x")
        producer.close()
        (topic_id,) = admin.topic_ids(["images"]).values()
        admin.close()
        assert max(end_offsets(options, ["images"]).values()) < 3
        buffer.append(Log("images", topic_id, 0), 0, [marker(offset) for offset in range(3)], "b")
        sets = (f"redis.url={redis_url}", f"kafka.bootstrap_servers={address}")
        ran = run("release", "--partition", "images:0", *(part for one in sets for part in ("--set", one)))
    assert ran.status == 1
    assert "images/0 is not truncated" in ran.err


def test_status_shows_what_an_open_transaction_holds_back(run, history, redis_url, kafka_server, topic):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, transactional_id=topic)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, b"x", partition=1).get(10)
    other = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(4):
        other.send(topic, b"x", partition=1)
    other.close()
    sets = (f"redis.url={redis_url}", f"kafka.bootstrap_servers={kafka_server.bootstrap}", f"kafka.topics={topic}")
    flags = [part for one in sets for part in ("--set", one)]
    held = {one["partition"]: one.get("uncommitted") for one in run("status", "--json", *flags).json["positions"]}
    shown = run("status", *flags).out
    producer.abort_transaction()
    producer.close()
    assert held == {0: None, 1: 5, 2: None}
    assert f"{topic}:1: 5 records wait behind the transaction open at offset 0" in shown
    command = f"kafka-transactions.sh --bootstrap-server {kafka_server.bootstrap}"
    for what in ("find-hanging", "abort"):
        assert f"{command} {what} --topic {topic} --partition 1" in shown
