"""The broker is away, a log is cut short, a topic is made again, records expire: said, outlasted, and accounted for."""

import io
import json
import subprocess
import time

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from daemon.logs import configure
from daemon.metrics import IngestMetrics, new_registry
from streaming.announcer import Announcer
from tests.support.ingestors import Watching, eventually
from tests.support.roles import TIDEMILL


class Counting(Watching):
    """Counts as the metrics do, beside what is watched."""

    def __init__(self):
        super().__init__()
        self.registry = new_registry()
        self.metrics = IngestMetrics(self.registry)

    def expired(self, topic, partition, offsets):
        super().expired(topic, partition, offsets)
        self.metrics.expired(topic, partition, offsets)


@pytest.fixture
def log(as_before):
    """What is written, as a role writes it."""
    stream = io.StringIO()
    configure("info", "json", "test", stream=stream)

    def lines(level=""):
        found = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [line for line in found if level in ("", line["level"])]

    return lines


@pytest.mark.parametrize("away_s", [15, pytest.param(75, marks=pytest.mark.chaos)])
def test_a_broker_out_of_reach_is_told_in_a_few_lines_and_nothing_is_lost(mill, make_topic, log, away_s):
    announced = make_topic(1, {"cleanup.policy": "compact"}, name=f"{mill.site.topic}.models")
    mill.bench.announcer = announcer = Announcer(mill.site.options, announced, create=False)
    mill.send(150)
    with mill.site.ingesting() as ingesting, mill.learning():
        mill.wait_learnt(64)
        mill.site.kafka.pause()
        began = len(log())
        eventually(lambda: not ingesting.ingestor.ready()[0], "the outage is noticed", timeout_s=30)
        assert ingesting.ingestor.ready()[1].startswith("kafka: ")
        time.sleep(away_s)
        mill.site.kafka.resume()
        eventually(lambda: ingesting.ingestor.ready() == (True, ""), "it is over", timeout_s=60)
        told = [line for line in log()[began:] if line["level"] in ("warning", "error") or "is back" in line["event"]]
        mill.send(60)
        mill.wait_all_learnt()
    announcer.close()
    mill.check()
    starts = [line for line in told if line["event"].startswith("waiting for Kafka")]
    ends = [line for line in told if line["event"].endswith("is back")]
    assert starts, "the outage is told"
    assert any("cure" in line for line in starts)
    assert any(line["event"].startswith("Kafka is back") for line in ends)
    assert len(told) <= 10 + 2 * (away_s // 60), f"a storm: {[(line['event'], line.get('logger')) for line in told]}"
    if away_s > 60:
        assert any(line["event"].startswith("still waiting for Kafka") for line in told), "once a minute"


def make_again(site, partitions=1):
    site.admin.delete_topics([site.topic])
    eventually(lambda: not site.admin.describe_topics([site.topic])[0]["topic_id"])
    time.sleep(0.3)
    site.admin.create_topics({site.topic: {"num_partitions": partitions, "replication_factor": 1}})
    eventually(lambda: site.admin.describe_topics([site.topic])[0]["error_code"] == 0)
    # The producer must not send to the topic that it remembers.
    eventually(lambda: site.producer.partitions_for(site.topic) and site.topic_id())
    time.sleep(0.5)


def test_a_topic_made_again_under_running_ingestors_is_learnt_as_another_log(make_mill):
    mill = make_mill(2)
    site = mill.site
    for partition in (0, 1):
        mill.send(100, partition)
    first = site.ingestor("one").start()
    second = site.ingestor("two").start()
    try:
        with mill.learning():
            mill.wait_all_learnt()
            old = site.topic_id()
            make_again(site, 2)
            for partition in (0, 1):
                mill.send(160, partition)  # beyond the old position
            assert site.topic_id() != old
            mill.wait_all_learnt()
    finally:
        first.end()
        second.end()
    assert (first.error, second.error) == (None, None)
    mill.check()
    new = site.topic_id()
    expected = {(old, one, 0): (0, 100) for one in (0, 1)} | {(new, one, 0): (0, 160) for one in (0, 1)}
    assert mill.ranges() == expected


def cut_short(kafka, topic, keep):
    """Lose the end of a log, as a power cut of a broker with no replica does: all but a share of its bytes."""
    kafka.kill()
    folder = kafka.folder / "data" / f"{topic}-0"
    (file,) = folder.glob("*.log")
    with file.open("r+b") as data:
        data.truncate(int(file.stat().st_size * keep))
    for derived in (*folder.glob("*.index"), *folder.glob("*.timeindex"), *folder.glob("*.snapshot")):
        derived.unlink()
    kafka.start()


def end_of(site):
    place = TopicPartition(site.topic, 0)
    try:
        return int(site.admin.list_partition_offsets({place: OffsetSpec.LATEST})[place].offset)
    except KafkaError:
        return 0  # the client has not found it again yet


def test_a_log_cut_short_of_what_was_read_stops_until_it_is_released(mill):
    site = mill.site
    for _ in range(10):
        mill.send(20)
    with site.ingesting() as ingesting, mill.learning():
        mill.wait_learnt(200)
        cut_short(site.kafka, site.topic, 0.5)
        end = eventually(lambda: end_of(site), "the broker leads it again")
        assert 20 <= end < 200
        eventually(lambda: ingesting.seen.halted.get((site.topic, 0)), "the alarm", timeout_s=30)
        ready, reason = ingesting.ingestor.ready()
        assert not ready
        assert "tidemill release --partition" in reason
        before = set(mill.sent[site.topic_id()][0].values())
        # The broker forgot its idempotent producers with the log: they are told so, and begin anew.
        site.producer.close(timeout=2)
        site.producer = KafkaProducer(bootstrap_servers=site.kafka.bootstrap, acks="all", linger_ms=2)
        mill.send(30)
        time.sleep(1.0)
        assert mill.learnt(incarnation=1) == 0, "nothing is guessed"
        sets = (f"kafka.bootstrap_servers={site.kafka.bootstrap}", f"redis.url={site.redis.url}", f"job={site.job}")
        done = subprocess.run(
            [*TIDEMILL, "release", "--partition", f"{site.topic}:0", *(f"--set={one}" for one in sets)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "incarnation 1" in done.stdout
        mill.wait_learnt(end + 30, incarnation=1)
        eventually(lambda: ingesting.ingestor.ready() == (True, ""), "it is ready again")
    topic_id = site.topic_id()
    assert mill.ranges() == {(topic_id, 0, 0): (0, 200), (topic_id, 0, 1): (0, end + 30)}
    mill.check()
    with mill.ledger() as ledger:
        again = [one for entry in ledger.rounds() for one in entry["lineage"] if one.get("incarnation") == 1]
        assert sum(one.get("duplicate", 0) for one in again) == end, "what is read again is known by its pixels"
    assert len(set(mill.sent[topic_id][0].values()) - before) == 30


def expired_of_versions(mill):
    with mill.ledger() as ledger:
        return sum(entry.get("expired", 0) for one in ledger.versions() for entry in one.manifest["lineage"])


def test_what_retention_took_before_it_was_read_is_told_with_its_size_and_work_goes_on(mill, log):
    site = mill.site
    mill.send(100)
    with site.ingesting(), mill.learning():
        mill.wait_learnt(100)
    mill.send(150)
    site.admin.delete_records({TopicPartition(site.topic, 0): 180})
    topic_id = site.topic_id()
    mill.expired |= {(topic_id, 0, offset) for offset in range(100, 180)}
    seen = Counting()
    with site.ingesting(observer=seen), mill.learning():
        mill.send(130)
        mill.wait_all_learnt()
        eventually(lambda: expired_of_versions(mill) == 80, "a version that says so")
    (told,) = [line for line in log("warning") if line["event"] == "records expired before they were read"]
    assert (told["offsets"], told["first"], told["next"]) == (80, 100, 180)
    assert "retention" in told["cure"]
    labels = {"topic": site.topic, "partition": "0"}
    assert seen.registry.get_sample_value("tidemill_records_expired_total", labels) == 80
    with mill.ledger() as ledger:
        lineage = [entry for one in ledger.rounds() for entry in one["lineage"]]
    assert sum(entry.get("expired", 0) for entry in lineage) == 80
    mill.check()
