"""Where an ingestor reads, on the real broker: nothing is taken in twice, and no hole passes for a gap."""

import hashlib
import time
from dataclasses import replace

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import CorruptRecordError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streaming.buffer import ALL_TOPICS
from streaming.kafka_fetch import Fetched, KafkaFetch
from streaming.kafka_source import KafkaSource
from streaming.records import Marker, Reason
from streaming.source import Partition
from tests.support.ingestors import Site, check_chain, eventually


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


def place(site, partition=0):
    return TopicPartition(site.topic, partition)


def commit(site, offset, metadata):
    consumer = KafkaConsumer(bootstrap_servers=site.kafka.bootstrap, group_id=site.group, enable_auto_commit=False)
    consumer.assign([place(site)])
    consumer.commit({place(site): OffsetAndMetadata(offset, metadata, -1)})
    consumer.close(autocommit=False)


def test_records_become_samples_with_what_they_say(site):
    headers = [("ce_label", b"dog"), ("ce_id", b"id-7"), ("ce_source", b"camera"), ("ce_time", b"2026-01-02T03:04:05Z")]
    site.send(headers=headers)
    with site.ingesting():
        site.wait_position(1)
    (entry,) = site.entries()
    assert (entry.label, entry.sample_id, entry.source) == ("dog", "id-7", "camera")
    assert entry.event_time_ms == 1767323045000
    assert len(entry.pixels) == 8 * 8 * 3
    (state,) = site.learner.logs()
    assert (state.log, state.position, state.end, state.length) == (site.log(), 1, 1, 1)


def test_a_restart_goes_on_where_the_stream_ends_and_a_redelivery_leaves_no_duplicates(site):
    site.send(150)
    with site.ingesting() as first:
        site.wait_position(150)
    site.send(50)
    with site.ingesting() as second:
        site.wait_position(200)
        # What the client gives out again, from any earlier place, is refused by the buffer.
        lane = second.ingestor._lanes.open[site.topic, 0]
        assert lane.tail == 200
        site.send(30)
        site.wait_position(230)
    assert (first.seen.counts["consumed"], second.seen.counts["consumed"]) == (150, 80)
    zombie = site.ingestor()
    zombie.start()
    eventually(lambda: zombie.ingestor._lanes.open)
    zombie.ingestor._lanes.open[site.topic, 0].advance(100)
    zombie.ingestor._source._read_to[site.topic, 0] = 100
    zombie.ingestor._source._consumer.seek(place(site), 100)
    eventually(lambda: zombie.seen.counts["duplicate"] >= 64)
    site.send(10)
    site.wait_position(240)
    zombie.end()
    assert zombie.seen.counts["consumed"] == 10
    entries = site.entries()
    assert [entry.offset for entry in entries] == list(range(240))
    assert check_chain(entries) == 240


def test_it_starts_at_the_learners_position_where_there_is_no_stream(site):
    site.send(100)
    site.learner.leave_learnt(site.log(), 60)
    commit(site, 30, site.topic_id())
    with site.ingesting():
        site.wait_position(100)
    assert check_chain(site.entries(), start=60) == 100


@pytest.mark.parametrize(("word", "start"), [("own", 30), ("another", 0), ("", 0)])
def test_else_at_a_commit_of_this_very_topic_else_at_the_beginning(site, word, start):
    site.send(50)
    commit(site, 30, site.topic_id() if word == "own" else word)
    with site.ingesting():
        site.wait_position(50)
    assert check_chain(site.entries(), start=start) == 50


def test_what_is_learnt_for_good_is_committed_with_the_topics_id_also_at_the_end(site):
    site.send(20)
    with site.ingesting() as running:
        site.wait_position(20)
        site.learner.leave_learnt(site.log(), 12)
        running.until(site.committed)
        assert tuple(site.committed()[:2]) == (12, site.topic_id())
        site.learner.leave_learnt(site.log(), 17)
    assert tuple(site.committed()[:2]) == (17, site.topic_id())


def test_markers_and_aborted_records_of_transactions_leave_the_right_chain(site):
    producer = KafkaProducer(bootstrap_servers=site.kafka.bootstrap, transactional_id=f"{site.topic}-t")
    producer.init_transactions()
    reader = KafkaConsumer(bootstrap_servers=site.kafka.bootstrap, isolation_level="read_committed")

    def end():
        return reader.end_offsets([place(site)])[place(site)]

    good = {"value": site.image, "headers": [("ce_label", b"cat")], "partition": 0}

    def transaction(n, *, aborted):
        begin = end()
        producer.begin_transaction()
        for _ in range(n):
            producer.send(site.topic, **good)
        producer.flush()
        producer.abort_transaction() if aborted else producer.commit_transaction()
        # The broker answers before the marker is in the log: what is sent meanwhile would come before it.
        eventually(lambda: end() == begin + n + 1, "the transaction's marker")

    site.send(2)
    transaction(3, aborted=False)
    transaction(4, aborted=True)
    site.send(1)
    transaction(2, aborted=True)
    with site.ingesting() as running:
        # 0-1, 2-4 and a marker, 6-9 aborted and a marker, 11, 12-13 aborted and a marker
        site.wait_position(12)
        running.until(lambda: running.seen.lags.get((site.topic, 0)) == 0, "the tail of the log holds nothing to take")
        running.until(lambda: site.learner.logs()[0].end == 12)
        transaction(1, aborted=False)
        site.wait_position(16)
    producer.close()
    reader.close()
    entries = site.entries()
    assert [entry.offset for entry in entries] == [0, 1, 2, 3, 4, 11, 15]
    assert check_chain(entries) == 16
    assert all(entry.expired == 0 for entry in entries)


def test_what_retention_took_is_reported_as_expired_also_while_running(site):
    site.send(20)
    with site.ingesting():
        site.wait_position(20)
    site.send(20)
    site.admin.delete_records({place(site): 35})
    with site.ingesting() as running:
        site.wait_position(40)
        eventually(lambda: running.ingestor._lanes.open)
        hold(running, on=True)
        time.sleep(0.6)  # the client's last fetch is answered by then
        site.send(10)
        site.admin.delete_records({place(site): 45})
        hold(running, on=False)
        site.wait_position(50)
    entries = {entry.offset: entry for entry in site.entries()}
    assert (entries[35].after, entries[35].expired) == (20, 15)
    assert (entries[45].after, entries[45].expired) == (40, 5)
    assert sum(entry.expired for entry in entries.values()) == 20
    assert check_chain(site.entries()) == 50


def hold(running, *, on):
    """Have the brake on or off, at once."""
    running.ingestor._brake.look = lambda: frozenset({ALL_TOPICS} if on else ())
    running.ingestor._duties.now()
    eventually(lambda: ("brake" in running.causes) == on)


def test_a_new_ingestor_of_an_old_log_starts_where_retention_left_off(site):
    site.send(20)
    site.admin.delete_records({place(site): 12})
    with site.ingesting():
        site.wait_position(20)
    assert (site.entries()[0].after, site.entries()[0].expired) == (12, 0)
    assert check_chain(site.entries(), start=12) == 20


def test_a_truncated_log_stops_its_partition_alone_until_it_is_released(kafka_server, redis_server, make_topic):
    site = Site(kafka_server, redis_server, make_topic(2))
    site.send(10, partition=0)
    site.send(10, partition=1)
    cut = site.log(0)
    site.buffer.append(cut, 0, [Marker(499, 499, 0, 1, Reason.EMPTY)], "elsewhere")
    with site.ingesting() as running:
        site.wait_position(10, partition=1)
        eventually(lambda: running.seen.halted.get((site.topic, 0)))
        ready, reason = running.ingestor.ready()
        assert not ready
        assert f"{site.topic}:0" in reason
        site.send(5, partition=0)
        site.send(5, partition=1)
        site.wait_position(15, partition=1)
        assert site.buffer.position(cut) == 500
        site.buffer.open_incarnation(site.topic, cut.topic_id, 0, 1)
        released = site.log(0, incarnation=1)
        running.until(lambda: site.buffer.position(released) == 15)
        eventually(lambda: running.ingestor.ready() == (True, ""))
        site.learner.leave_learnt(released, 15)
        running.until(site.committed)
        assert site.committed().metadata == f"{cut.topic_id}/1"
    assert check_chain(site.entries(log=released)) == 15
    site.close()


def test_a_topic_made_again_under_a_running_ingestor_is_another_log(site):
    site.send(100)
    with site.ingesting() as running:
        site.wait_position(100)
        old = site.log()
        site.admin.delete_topics([site.topic])
        eventually(lambda: not site.admin.describe_topics([site.topic])[0]["topic_id"])
        time.sleep(0.3)
        site.admin.create_topics({site.topic: {"num_partitions": 1, "replication_factor": 1}})
        eventually(lambda: site.admin.describe_topics([site.topic])[0]["error_code"] == 0)
        dog = [("ce_label", b"dog")]
        eventually(lambda: site.send(150, headers=dog) >= 0)
        new = site.log()
        assert new.topic_id != old.topic_id
        site.wait_position(150, log=new)
    assert check_chain(site.entries(log=new)) == 150
    assert {entry.label for entry in site.entries(log=new)} == {"dog"}
    assert [entry.offset for entry in site.entries(log=old)] == list(range(100))
    assert {entry.label for entry in site.entries(log=old)} == {"cat"}
    assert running.seen.counts["consumed"] == 250


class Stumbling:
    """A real consumer that cannot read what lies at offset 5 of a partition: asked again after that, it fails."""

    def __init__(self, consumer, place):
        self.consumer = consumer
        self.place = place
        self.stumbled = self.raised = False

    def __getattr__(self, name):
        assert not self.raised or name in ("assignment", "paused", "close"), f"{name} after its poll had raised"
        return getattr(self.consumer, name)

    def poll(self, timeout_ms):
        assert not self.raised
        found = {} if self.stumbled else self.consumer.poll(timeout_ms=timeout_ms)
        if any(record.offset == 5 for record in found.get(self.place, ())):
            self.stumbled = True
            found[self.place] = [record for record in found[self.place] if record.offset < 5]
        if self.stumbled and not found.get(self.place):
            self.raised = True
            raise CorruptRecordError("Record batch failed crc check")
        return found


@pytest.fixture
def damaged(monkeypatch, kafka_server, redis_server, make_topic):
    """A site of two partitions; in the first, no client can read the batch of three records from offset 5 on."""
    site = Site(kafka_server, redis_server, make_topic(2))
    new_consumer, fetch = KafkaSource._new_consumer, KafkaFetch.fetch

    def damage(self, partition, offset):
        found = fetch(self, partition, offset)
        if partition.partition == 0 and 5 <= offset <= 7:
            found = replace(found, records=found.records[:60] + bytes([found.records[60] ^ 1]) + found.records[61:])
        return found

    monkeypatch.setattr(KafkaSource, "_new_consumer", lambda self: Stumbling(new_consumer(self), place(site)))
    monkeypatch.setattr(KafkaFetch, "fetch", damage)
    yield site
    site.close()


def send_damaged(site):
    site.send(5)
    site.producer.close(timeout=2)
    together = KafkaProducer(bootstrap_servers=site.kafka.bootstrap, linger_ms=1_000)
    for _ in range(3):
        together.send(site.topic, value=site.image, headers=[("ce_label", b"cat")], partition=0)
    together.flush()
    site.producer = together
    site.send(3)


def test_a_batch_that_the_client_cannot_read_becomes_dead_letters_that_name_it(damaged):
    site = damaged
    send_damaged(site)
    with site.ingesting() as running:
        site.wait_position(11)
        site.send(10, partition=1)
        site.wait_position(10, partition=1)
        eventually(lambda: running.ingestor.ready() == (True, ""))
    assert check_chain(site.entries()) == 11
    found = {entry.offset: entry for entry in site.entries()}
    assert [offset for offset, entry in found.items() if isinstance(entry, Marker)] == [5, 6, 7]
    assert {found[offset].reason for offset in (5, 6, 7)} == {Reason.UNREADABLE}
    letters = [dict(one.headers) for one in site.consume(f"{site.topic}.dlq", 3)]
    assert sorted(one["__connect.errors.offset"] for one in letters) == [b"5", b"6", b"7"]
    assert {one["tidemill.reason"] for one in letters} == {b"unreadable"}
    assert {(one["tidemill.batch_first_offset"], one["tidemill.batch_last_offset"]) for one in letters} == {
        (b"5", b"7")
    }
    (digest,) = {one["tidemill.batch_sha256"] for one in letters}
    raw = KafkaFetch(site.options).fetch(Partition(site.topic, 0), 5).records[: int(letters[0]["tidemill.batch_bytes"])]
    assert digest == hashlib.sha256(raw).hexdigest().encode()


def test_what_the_broker_cannot_read_either_waits_for_a_person_its_partition_alone(damaged, monkeypatch):
    site = damaged
    send_damaged(site)
    mute = Fetched(b"", 11, error="UnknownError")
    monkeypatch.setattr(KafkaFetch, "fetch", lambda *_: mute)
    with site.ingesting() as running:
        reason = running.until(lambda: "cannot be read" in (said := running.ingestor.ready()[1]) and said)
        assert f"tidemill release --partition {site.topic}:0 --skip 5" in reason
        assert site.buffer.position(site.log()) == 5
        site.send(10, partition=1)
        site.wait_position(10, partition=1)
        site.buffer.ask_skip(site.log(), 5)
        site.wait_position(11, timeout_s=30)
        running.until(lambda: running.ingestor.ready() == (True, ""))
    assert check_chain(site.entries()) == 11
    assert [entry.offset for entry in site.entries() if isinstance(entry, Marker)] == [5]
