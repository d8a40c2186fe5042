"""Batches of every codec, as Java, librdkafka and a broker that packs anew write them, mixed on one partition."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import confluent_kafka
import pytest
from kafka import TopicPartition

from streaming import codecs
from streaming.kafka_source import KafkaSource, SourceOptions
from streaming.source import Partition
from tests.servers.fetch_kafka import LIBS
from tests.servers.missing import unavailable
from tests.support.images import encode, picture
from tests.support.ingestors import Site, check_chain, eventually

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
RECORDS = 30
IMAGE = encode(picture(60, 60).resize((90, 90)), "PNG")
SEND_IMAGES = Path(__file__).parents[1] / "servers" / "SendImages.java"


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


def send_from_java(site, tmp_path):
    if shutil.which("javac") is None:
        unavailable("no javac on the PATH: apt-get install openjdk-17-jdk-headless")
    file = tmp_path / "image.png"
    file.write_bytes(IMAGE)
    command = ["java", "-cp", f"{LIBS}/*", SEND_IMAGES, site.kafka.bootstrap, site.topic, file, str(RECORDS), *CODECS]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=120)


def send_from_librdkafka(site, tmp_path):
    for codec in CODECS:
        settings = {"bootstrap.servers": site.kafka.bootstrap, "compression.type": codec, "linger.ms": 50}
        producer = confluent_kafka.Producer(settings)
        for _ in range(RECORDS):
            producer.produce(site.topic, IMAGE, partition=0, headers=[("ce_label", codec.encode())])
        producer.flush(30)


@pytest.mark.parametrize("send", [send_from_java, send_from_librdkafka])
def test_what_producers_compress_is_read_in_any_mixture(site, tmp_path, send):
    send(site, tmp_path)
    used = codecs_on_disk(site)
    with site.ingesting() as running:
        site.wait_position(RECORDS * len(CODECS))
    entries = site.entries()
    assert check_chain(entries) == RECORDS * len(CODECS)
    assert Counter(entry.label for entry in entries) == dict.fromkeys(CODECS, RECORDS)
    assert len({entry.pixels for entry in entries}) == 1
    assert running.seen.reasons == {}
    assert used == {0, 1, 2, 3, 4}, "each codec was used"


@pytest.mark.parametrize("codec", CODECS[1:])
def test_what_a_topic_packs_anew_is_read(kafka_server, redis_server, make_topic, codec):
    site = Site(kafka_server, redis_server, make_topic(1, {"compression.type": codec}))
    try:
        site.send(RECORDS, value=IMAGE)
        assert codecs_on_disk(site) == {CODECS.index(codec)}
        with site.ingesting() as running:
            site.wait_position(RECORDS)
        assert check_chain(site.entries()) == RECORDS
        assert running.seen.reasons == {}
    finally:
        site.close()


def codecs_on_disk(site):
    """The codecs of the batches of partition 0, by the numbers of Kafka's format, read from the broker's own log."""
    found = set()
    data = b"".join(
        file.read_bytes() for file in sorted((site.kafka.folder / "data" / f"{site.topic}-0").glob("*.log"))
    )
    at = 0
    while at + 23 <= len(data):
        length = int.from_bytes(data[at + 8 : at + 12], "big")
        if length == 0:
            break
        found.add(data[at + 22] & 7)
        at += 12 + length
    return found


@pytest.fixture
def source(site):
    made = []

    def make(**options):
        one = KafkaSource(site.options, SourceOptions(site.group, (site.topic,), session_timeout_ms=6_000, **options))
        made.append(one)
        one.connect()
        where = Partition(site.topic, 0)
        eventually(lambda: where in one.poll(0.2).assigned, "the partition is ours")
        one.start(where, 0)
        one.resume([where])
        return one

    yield make
    for one in made:
        one.close()


def producer(site, codec, **settings):
    """A producer of batches far larger unpacked than their broker allows packed."""
    large = {"message.max.bytes": 100_000_000, "batch.size": 50_000_000, "linger.ms": 300}
    return confluent_kafka.Producer(
        {"bootstrap.servers": site.kafka.bootstrap, "compression.type": codec, **large, **settings}
    )


@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_batch_that_unpacks_beyond_the_limit_is_not_unpacked(site, source, codec, monkeypatch):
    refused = []
    original = codecs.UnpackLimitError.__init__

    def noted(self, *arguments):
        original(self, *arguments)
        refused.append(str(self))

    monkeypatch.setattr(codecs.UnpackLimitError, "__init__", noted)
    one = producer(site, codec)
    for _ in range(20):
        one.produce(site.topic, bytes(200_000), partition=0)
    one.flush(30)
    reader = source(unpack_max_bytes=1_000_000)
    where = Partition(site.topic, 0)
    eventually(lambda: where in reader.poll(0.2).unreadable, "the batch is refused")
    assert f"of {codec} unpacks to more than 1000000 bytes; raise kafka.unpack_max_bytes" in refused[0]


def test_a_poll_brings_so_many_bytes_and_the_rest_with_the_next(site, source):
    one = producer(site, "zstd")
    for number in range(100):
        one.produce(site.topic, bytes([number]) * 50_000, partition=0, key=b"k", headers=[("a", b"b")])
    one.flush(30)
    reader = source(max_poll_bytes=200_000)
    where, values, sizes = Partition(site.topic, 0), [], []

    def read():
        several = reader.poll(0.2).records.get(where, ())
        values.extend(record.value[0] for record in several)
        sizes.append(sum(len(record.value) for record in several))
        return len(values) == 100

    eventually(read, "all of them")
    assert values == list(range(100)), "in order, none twice"
    assert max(sizes) == 200_000
    assert reader._consumer.position(TopicPartition(*where)) == 100


def test_one_record_that_is_larger_than_a_poll_comes_alone(site, source):
    site.send(1, value=bytes(900_000))
    site.send(1, value=b"small")
    reader = source(max_poll_bytes=1_024)
    lengths = []

    def read():
        several = reader.poll(0.2).records.get(Partition(site.topic, 0), ())
        lengths.extend([[len(record.value) for record in several]] if several else [])
        return sum(map(len, lengths)) == 2

    eventually(read, "both")
    assert lengths == [[900_000], [5]]
