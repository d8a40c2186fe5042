"""Records a second of 224 px JPEGs through a running ingestor ÷ a bare loop of kafka-python, decoder and resize."""

import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from PIL import Image

from model.pictures import ImageDecoder
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.roles import Tidemill, eventually

SIZE = 64
SIDE = 224
PARTITIONS = 3
DISTINCT = 64
SKIPPED = 0.2
"""Share of the records that warms up: joining the group and the first fetches are not what is measured."""


def jpegs() -> list[bytes]:
    """Return smooth random pictures as JPEG of SIDE x SIDE, about as large as photographs."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(DISTINCT):
        coarse = Image.fromarray(rng.integers(0, 256, (28, 28, 3), dtype=np.uint8))
        encoded = io.BytesIO()
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(encoded, "JPEG", quality=90)
        files.append(encoded.getvalue())
    return files


def fill(bootstrap: str, topic: str, records: int, *, traced: bool = False) -> int:
    """Make the topic and send the records, `traced` each with a trace context of its own; return the mean size."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, PARTITIONS, 1), NewTopic(f"{topic}.dlq", 1, 1)])
    admin.close()
    files = jpegs()
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20, batch_size=500_000)
    for index in range(records):
        headers = [("ce_label", f"class-{index % 10}".encode())]
        if traced:
            headers.append(("traceparent", f"00-{index + 1:032x}-{index + 1:016x}-01".encode()))
        producer.send(topic, files[index % DISTINCT], headers=headers, partition=index % PARTITIONS)
    producer.flush()
    producer.close()
    return sum(map(len, files)) // DISTINCT


def bare_loop(bootstrap: str, topic: str, records: int) -> float:
    """Poll and decode in one thread, and keep nothing. Return records a second after the warm-up."""
    decoder = ImageDecoder(SIZE, 10_000_000, 50_000_000)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    seen, warm, warmed_at = 0, int(records * SKIPPED), 0.0
    warm_seen = 0
    while seen < records:
        for batch in consumer.poll(timeout_ms=1000, max_records=500).values():
            for record in batch:
                decoder.decode(record.value)
            seen += len(batch)
        if not warmed_at and seen >= warm:
            warmed_at, warm_seen = time.perf_counter(), seen
    rate = (seen - warm_seen) / (time.perf_counter() - warmed_at)
    consumer.close()
    return rate


def ingestor(bootstrap: str, redis_url: str, topic: str, records: int, job: str, *, otlp: str = "") -> float:
    """Start an ingestor on the full topic, watch its streams in Redis. Return records a second after the warm-up.

    `otlp`: the collector that it sends spans to.
    """
    client = redis.Redis.from_url(redis_url)

    def buffered() -> int:
        return sum(client.xlen(key) for key in client.scan_iter(f"tidemill:{{{job}:{topic}:*", _type="stream"))

    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        settings = {
            "kafka": {"bootstrap_servers": bootstrap, "topics": [topic], "session_timeout_ms": 6000},
            "redis": {"url": redis_url},
            "image": {"size": SIZE},
            "log": {"otlp": otlp},
        }
        tidemill = Tidemill(Path(folder), settings)
        tidemill.file.write_text(f'job = "{job}"\n' + tidemill.file.read_text(encoding="utf-8"), encoding="utf-8")
        tidemill.start("ingest")
        try:
            first = eventually(lambda: (n := buffered()) >= records * SKIPPED and n, "a first part", 120, 0.05)
            began = time.perf_counter()
            eventually(lambda: buffered() >= records, "all records", 300, 0.05)
            rate = (records - int(first)) / (time.perf_counter() - began)
        finally:
            tidemill.stop()
            client.flushall()
            client.close()
    return rate


def measure(repeats: int, records: int = 6000) -> dict[str, Any]:
    """Run both in turn on one broker and one Redis; the ratio is that of the medians."""
    bare, ours = [], []
    kafka, server = KafkaServer(), RedisServer()
    try:
        kafka.start()
        server.start()
        mean_bytes = fill(kafka.bootstrap, "bench", records)
        for turn in range(repeats):
            bare.append(bare_loop(kafka.bootstrap, "bench", records))
            ours.append(ingestor(kafka.bootstrap, server.url, "bench", records, f"bench-{turn}"))
    finally:
        kafka.close()
        server.close()
    ratio = statistics.median(ours) / statistics.median(bare)
    return {
        "name": "running ingestor ÷ bare loop of kafka-python, decoder and resize, records/s",
        "ours": statistics.median(ours),
        "bare": statistics.median(bare),
        "ratio": ratio,
        "goal": "≥ 0.7",
        "met": ratio >= 0.7,
        "how": f"{records} JPEGs of {SIDE} px ({mean_bytes} bytes in the mean) to {SIZE} px, {PARTITIONS} partitions, "
        f"Kafka and Redis with append-only file on the same machine, both in turn, medians of {repeats}",
    }
