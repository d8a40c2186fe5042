"""A real ingestor with its default settings, fed with what is small on the wire and large in memory: 400 MB at most."""

import time
import urllib.request
from pathlib import Path

import confluent_kafka
import numpy as np
import pytest
from PIL import Image

from tests.support.images import encode, png
from tests.support.roles import Tidemill, eventually

pytestmark = pytest.mark.long
LIMIT_BYTES = 400_000_000
PARTITIONS = 4
LABEL = [("ce_label", b"cat")]
CODECS = ("gzip", "snappy", "lz4", "zstd")


class Fed:
    """The process, what it counts, and a producer."""

    def __init__(self, tidemill, process, bootstrap, topic):
        self.tidemill = tidemill
        self.process = process
        self.bootstrap = bootstrap
        self.topic = topic
        self.sent = 0

    def metric(self, name):
        address = f"http://127.0.0.1:{self.tidemill.ports['ingest']}/metrics"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:  # it does not listen yet
            return -1.0
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"tidemill_{name}"))

    @property
    def peak_bytes(self):
        """The most that was ever resident."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def send(self, values, codec="none", *, batch_bytes=900_000, headers=LABEL, count=True):
        """Send to the partitions in turn; a broker takes batches of 1 MB, packed."""
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "compression.type": codec,
                "message.max.bytes": 200_000_000,
                "batch.size": batch_bytes,
                "linger.ms": 100,
                "log_level": 0,
                "queue.buffering.max.kbytes": 1_000_000,
            }
        )
        refused = []
        for number, value in enumerate(values):
            producer.produce(
                self.topic,
                value,
                partition=number % PARTITIONS,
                headers=headers,
                on_delivery=lambda error, _: refused.append(error) if error else None,
            )
        producer.flush(60)
        assert refused == []
        if count:
            self.sent += len(values)

    def until_all_is_taken_in(self, what):
        eventually(lambda: self.metric("records_consumed_total") >= self.sent, f"{what}: {self.sent} records", 120)
        assert self.peak_bytes <= LIMIT_BYTES, f"{what}: {self.peak_bytes / 1e6:.0f} MB"


@pytest.fixture
def fed(kafka_server, redis_url, make_topic, tmp_path):
    topic = make_topic(PARTITIONS)
    make_topic(1, name=f"{topic}.dlq")
    settings = {"kafka": {"bootstrap_servers": kafka_server.bootstrap, "topics": [topic]}, "redis": {"url": redis_url}}
    tidemill = Tidemill(tmp_path, settings)
    process = tidemill.start("ingest")
    one = Fed(tidemill, process, kafka_server.bootstrap, topic)
    try:
        yield one
        assert process.poll() is None, tidemill.logs()
    finally:
        tidemill.stop()


def large_pictures():
    """What takes the most of each kind: files of some kilobytes, all of them valid."""
    flat = Image.new("RGB", (8_000, 6_000))
    progressive = encode(flat, "JPEG", progressive=True)
    last = progressive.rindex(b"\xff\xda")
    return {
        "png of 16 bits": encode(Image.fromarray(np.zeros((7_000, 7_000), np.uint16)), "PNG"),
        "png with opacity": encode(Image.new("RGBA", (4_600, 4_000)), "PNG"),
        "png with opacity, too large": encode(Image.new("RGBA", (7_000, 7_000)), "PNG"),
        "png": encode(Image.new("RGB", (7_200, 5_000)), "PNG"),
        "png of 16 bits, tall": png(np.zeros((500_000, 1, 4), np.uint16), 16, 6),
        "webp": encode(Image.new("RGB", (4_000, 3_100)), "WEBP", method=0),
        "webp of one colour": encode(Image.new("RGB", (7_000, 7_000)), "WEBP", lossless=True),
        "jpeg of 10 scans": progressive,
        "jpeg of 43 scans": progressive[:last] + progressive[last:-2] * 34 + progressive[-2:],
    }


def test_pictures_that_decode_to_hundreds_of_megabytes(fed):
    for name, data in large_pictures().items():
        began = time.monotonic()
        fed.send([data] * PARTITIONS)
        fed.until_all_is_taken_in(name)
        assert time.monotonic() - began < 60, name
    assert fed.metric('records_dead_lettered_total{reason="too_many_pixels"}') == 3 * PARTITIONS
    assert fed.metric('records_dead_lettered_total{reason="undecodable"}') == PARTITIONS
    assert fed.metric("records_buffered_total") == fed.sent - 4 * PARTITIONS


def test_batches_that_unpack_to_far_more_than_they_are(fed):
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 256, (700, 900, 3), dtype=np.uint8))
    photograph = encode(rough, "JPEG", quality=80)
    fed.send([photograph] * 160)
    fed.until_all_is_taken_in("partitions full of pictures of 0.5 MB")
    fed.send([photograph] * 60, "gzip")
    fed.until_all_is_taken_in("the same, packed")
    for codec in ("gzip", "zstd"):
        fed.send([bytes(1_000_000)] * 56, codec, batch_bytes=15_000_000)
        fed.until_all_is_taken_in(f"batches just within the limit, {codec}")
        fed.send([bytes(16_000_000)] * PARTITIONS, codec)
        fed.until_all_is_taken_in(f"one value as large as the limit, {codec}")
    fed.send(
        [b"{" + b"[]," * 5_000_000] * PARTITIONS, "gzip", headers=[("content-type", b"application/cloudevents+json")]
    )
    fed.until_all_is_taken_in("events of a million parts")
    fed.send([large_pictures()["webp"]] * PARTITIONS + [bytes(16_000_000)] * PARTITIONS, "zstd")
    fed.until_all_is_taken_in("large pictures beside large values")
    for codec in CODECS:
        fed.send([bytes(100_000_000 if codec in ("gzip", "zstd") else 18_000_000)] * PARTITIONS, codec, count=False)
    fed.send([b""] * PARTITIONS, "gzip", headers=[("", None)] * 1_000_000, count=False)
    began = time.monotonic()
    while time.monotonic() - began < 10:  # refused again and again, or given up: by whoever decides
        time.sleep(0.5)
        assert fed.peak_bytes <= LIMIT_BYTES
