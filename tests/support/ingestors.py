"""Ingestors on real servers, in threads of the test's own process, and what it takes to look at them."""

import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from daemon.ingest import faults
from daemon.ingest.build import IngestorParts, build_ingestor
from daemon.ingest.observer import SilentObserver
from daemon.ingest.options import IngestOptions
from daemon.ingest.pictures import RecordPictures
from model.pictures import ImageDecoder
from streaming.dead_letters import DeadLetterOptions
from streaming.decoder import Decoder
from streaming.kafka_options import KafkaOptions
from streaming.kafka_source import SourceOptions
from streaming.records import Log, Marker
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.support.images import encode, picture

SIZE = 8
SESSION_MS = 6_000


def now_ms():
    return time.time_ns() // 1_000_000


def eventually(check, what="", timeout_s=90.0):
    """Return the first true answer of `check`. A loaded machine has time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = check()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what or check}")


class Watching(SilentObserver):
    """Keeps what it is told."""

    def __init__(self):
        self.counts = Counter()
        self.reasons = Counter()
        self.lags = {}
        self.causes = []
        self.halted = {}
        self.uncommitted_records = {}

    def consumed(self, records):
        self.counts["consumed"] += records

    def buffered(self, samples):
        self.counts["buffered"] += samples

    def dead_lettered(self, reason):
        self.reasons[reason.value] += 1

    def duplicate(self, records):
        self.counts["duplicate"] += records

    def expired(self, topic, partition, offsets):
        self.counts["expired"] += offsets

    def lag(self, topic, partition, records):
        self.lags[topic, partition] = records

    def paused(self, causes):
        self.causes.append(causes)

    def stopped(self, topic, partition, *, truncated):
        self.halted[topic, partition] = truncated

    def uncommitted(self, topic, partition, records, since_ms):
        self.uncommitted_records[topic, partition] = records

    def unreadable(self, topic, partition, *, waits):
        self.halted[topic, partition] = waits


@dataclass
class Running:
    """An ingestor in a thread."""

    ingestor: object
    seen: Watching
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    thread: threading.Thread | None = None

    def start(self):
        def work():
            try:
                self.ingestor.run(self.stop)
            except BaseException as error:
                self.error = error
                raise

        self.thread = threading.Thread(target=work)
        self.thread.start()
        return self

    def end(self):
        """Stop in order; return the seconds it took."""
        began = time.monotonic()
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive(), "the ingestor does not stop"
        return time.monotonic() - began

    def until(self, check, what="", timeout_s=90.0):
        """As `eventually`, with the ingestor's duties done at every turn rather than every five seconds."""

        def hurried():
            self.ingestor._duties.now()
            return check()

        return eventually(hurried, what, timeout_s)

    @property
    def causes(self):
        return {cause.value for cause in self.seen.causes[-1]}


class Site:
    """A topic on a real broker, a job in a real Redis, and the ingestors between them."""

    def __init__(self, kafka_server, redis_server, topic, job=""):
        self.kafka = kafka_server
        self.redis = redis_server
        self.topic = topic
        self.job = job or f"job-{uuid.uuid4().hex[:8]}"
        self.options = KafkaOptions(kafka_server.bootstrap, request_timeout_ms=10_000)
        self.connection = RedisConnection(redis_server.url)
        self.buffer = RedisIngestBuffer(self.connection, self.job, now_ms)
        self.learner = RedisLearnBuffer(self.connection, self.job)
        self.admin = KafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
        self.producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap, acks="all", linger_ms=2)
        self.image = encode(picture(12, 12), "PNG")
        self.group = f"tidemill-{self.job}"

    def close(self):
        self.producer.close(timeout=2)
        self.admin.close()
        self.connection.close()

    @contextmanager
    def ingesting(self, name="one", observer=None, reached=faults.nothing, topics=None, **options):
        """Run an ingestor for the length of the block."""
        running = self.ingestor(name, observer, reached, topics, **options).start()
        try:
            yield running
        finally:
            running.end()
        assert running.error is None

    def ingestor(
        self,
        name="one",
        observer=None,
        reached=faults.nothing,
        topics=None,
        *,
        classes=None,
        max_bytes=10_000_000,
        max_pixels=50_000_000,
        source=None,
        letters=None,
        **options,
    ):
        """Build one; `options` are IngestOptions'."""
        seen = observer or Watching()
        parts = IngestorParts(
            self.options,
            SourceOptions(self.group, tuple(topics or [self.topic]), session_timeout_ms=SESSION_MS, **(source or {})),
            DeadLetterOptions(**(letters or {"create_topics": True})),
            IngestOptions(name, workers=1, **options),
        )
        decoder = Decoder(RecordPictures(ImageDecoder(SIZE, max_bytes, max_pixels)), classes)
        buffer = RedisIngestBuffer(RedisConnection(self.redis.url, 2.0), self.job, now_ms)
        ingestor = build_ingestor(parts, decoder, buffer, time.monotonic, now_ms, seen, reached)
        return Running(ingestor, seen)

    def send(self, n=1, partition=0, *, value=None, key=None, headers=None, topic=None):
        """Produce n records and return the offset of the last."""
        headers = [("ce_label", b"cat")] if headers is None else headers
        value = self.image if value is None else value
        sent = [
            self.producer.send(topic or self.topic, value=value, key=key, headers=list(headers), partition=partition)
            for _ in range(n)
        ]
        self.producer.flush()
        return sent[-1].get(10).offset

    def topic_id(self, topic=None):
        return str(self.admin.describe_topics([topic or self.topic])[0]["topic_id"])

    def log(self, partition=0, incarnation=0, topic=None, topic_id=None):
        return Log(topic or self.topic, topic_id or self.topic_id(topic), partition, incarnation)

    def entries(self, partition=0, start=0, log=None):
        """All entries of a partition's stream."""
        return self.learner.read(log or self.log(partition), start, 100_000)

    def wait_position(self, position, partition=0, log=None, timeout_s=90.0):
        """Wait until the stream reaches `position`."""
        log = log or self.log(partition)
        eventually(lambda: self.buffer.position(log) >= position, f"position {position} of {log}", timeout_s)

    def committed(self, partition=0):
        """The group's committed offset and metadata."""
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, group_id=self.group, enable_auto_commit=False)
        try:
            return consumer.committed(TopicPartition(self.topic, partition), metadata=True)
        finally:
            consumer.close(autocommit=False)

    def consume(self, topic, n, timeout_ms=10_000):
        """Read the first n records of a topic."""
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=self.kafka.bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            consumer_timeout_ms=timeout_ms,
        )
        try:
            found = []
            for record in consumer:
                found.append(record)
                if len(found) == n:
                    break
            return found
        finally:
            consumer.close(autocommit=False)


def check_chain(entries, start=0):
    """The entries continue from each other without a hole; return the position that they reach."""
    position = start
    for entry in entries:
        assert entry.after == position, f"offset {entry.offset} continues from {entry.after}, not {position}"
        assert entry.offset >= entry.after + entry.expired
        position = entry.offset + 1
    return position


def markers(entries):
    return [entry for entry in entries if isinstance(entry, Marker)]
