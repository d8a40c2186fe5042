"""A whole mill in the test's own process, on a real broker and a real Redis: an ingestor and a learner in threads.

What is sent is noted; `settle` waits until all of it is learnt, then looks at every book.
"""

import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from daemon.learn.taker import WindowTaker
from daemon.learn.trigger import WindowLimits
from model.publishing.publisher import Publisher
from model.publishing.verify import FindingKind, verify_repository
from model.store import verify
from model.store.errors import StateError
from model.store.ledger import Ledger
from streaming.redis_buffer import RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.chaos.pictures import paint
from tests.support.accounting import records_of
from tests.support.ingestors import SIZE, Site, eventually, now_ms
from tests.support.learners import Bench

LABELS = ("red", "green", "blue")
WAIT_S = 120.0
"""A loaded machine has time."""


class LiveBench(Bench):
    """A learner on the real clock, a real Redis and the real exporter, whose templates outlive it."""

    def __init__(self, folder: Path, templates: Path, connection: RedisConnection, job: str) -> None:
        super().__init__(folder, samples=64)
        self._templates = templates
        self._connection = connection
        self._job = job

    @property
    def now_ms(self) -> int:
        return now_ms()

    @now_ms.setter
    def now_ms(self, _value: int) -> None:
        """The clock is real."""

    def learner(self, *args, **options):
        self.buffer = RedisLearnBuffer(self._connection, self._job)
        learner = super().learner(*args, **options)
        learner.round.publisher = Publisher(self._templates, clock=time.monotonic)
        learner.taker = WindowTaker(self.buffer, WindowLimits(64, 8, 1.0), SIZE, time.monotonic)
        return learner


class LearnerThread:
    """A learner that runs until `end`. Its error, should it end by itself, is kept."""

    def __init__(self, bench: LiveBench, **options) -> None:
        self.learner = None
        self.error: BaseException | None = None
        self._bench = bench
        self._options = options
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="learner")
        self._thread.start()

    def _work(self) -> None:
        try:
            # Opened here, for a connection of SQLite belongs to its thread.
            self.learner = self._bench.learner(**self._options)
            self.learner.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
            self.error = error
        finally:
            self._bench.die()

    @property
    def outage(self) -> str:
        return self.learner.outage.reason if self.learner else ""

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert self.ended(), "the learner does not stop"


class Mill:
    """See the module."""

    def __init__(self, folder: Path, templates: Path, kafka, redis, topic: str, *, seed: int = 1) -> None:
        self.folder = folder
        self.site = Site(kafka, redis, topic)
        self.bench = LiveBench(folder, templates, RedisConnection(redis.url, 2.0), self.site.job)
        self.sent: dict[str, dict[int, dict[int, bytes]]] = {}
        """By topic id and partition: the pictures that Kafka acknowledged, by offset."""
        self.expired: set[tuple[str, int, int]] = set()
        """(topic id, partition, offset) of those that retention or a truncation took."""
        self._rng = np.random.default_rng(seed)
        self._learner: LearnerThread | None = None

    def close(self) -> None:
        self.bench.die()
        self.site.close()

    def send(self, n: int, partition: int = 0) -> None:
        """Send `n` new pictures, and note them once all are acknowledged."""
        topic_id = self.site.topic_id()
        pictures = [paint(LABELS[number % len(LABELS)], self._rng, SIZE) for number in range(n)]
        futures = [
            self.site.producer.send(
                self.site.topic, value=one.png, headers=[("ce_label", one.label.encode())], partition=partition
            )
            for one in pictures
        ]
        self.site.producer.flush()
        noted = self.sent.setdefault(topic_id, {}).setdefault(partition, {})
        noted.update({future.get(10).offset: one.digest for future, one in zip(futures, pictures, strict=True)})

    @contextmanager
    def learning(self, **options):
        """Run a learner for the length of the block."""
        thread = self._learner = LearnerThread(self.bench, **options)
        try:
            yield thread
        finally:
            thread.end()
            self._learner = None
        if thread.error is not None:
            raise thread.error

    # --- the books -------------------------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        return Ledger.read_only(self.folder / "state")

    def learnt(self, partition: int = 0, incarnation: int = 0, topic_id: str = "") -> int:
        """The position in a log; 0 before its first round."""
        try:
            with self.ledger() as ledger:
                found = ledger.positions()
        except StateError:
            return 0  # it is being made
        positions = {(key.topic_id, key.partition, key.incarnation): at for key, at in found.items()}
        return positions.get((topic_id or self.site.topic_id(), partition, incarnation), 0)

    def wait_learnt(self, position: int, partition: int = 0, incarnation: int = 0, timeout_s: float = WAIT_S) -> None:
        topic_id = self.site.topic_id()
        what = f"learnt up to {position} of partition {partition}"

        def check() -> bool:
            if self._learner is not None and self._learner.error is not None:
                raise self._learner.error
            return self.learnt(partition, incarnation, topic_id) >= position

        try:
            eventually(check, what, timeout_s)
        except AssertionError as error:
            waiting = self._learner.outage if self._learner else ""
            raise AssertionError(f"{error}; the learner waits for: {waiting or 'nothing'}") from error

    def wait_all_learnt(self) -> None:
        """Wait until the newest of everything sent to the topic as it is now is learnt."""
        for partition, records in self.sent[self.site.topic_id()].items():
            self.wait_learnt(max(records) + 1, partition)

    def ranges(self) -> dict[tuple[str, int, int], tuple[int, int]]:
        """By (topic id, partition, incarnation): from and to, once it is certain that ranges tile and add up."""
        with self.ledger() as ledger:
            rounds = list(ledger.rounds())
        ranges: dict[tuple[str, int, int], tuple[int, int]] = {}
        for entry in (entry for one in rounds for entry in one["lineage"]):
            log = (entry["topic_id"], entry["partition"], entry.get("incarnation", 0))
            first, end = ranges.get(log, (entry["from"], entry["from"]))
            assert entry["from"] == end, f"{log}: {entry} does not continue from {end}"
            assert records_of(entry) == entry["to"] - entry["from"], f"{log}: the counts of {entry} do not add up"
            ranges[log] = (first, entry["to"])
        return ranges

    def check(self) -> None:
        """Every acknowledged offset lies in one range, every picture is stored once, and `verify` is clean."""
        ranges = self.ranges()
        for topic_id, partitions in self.sent.items():
            for partition, records in partitions.items():
                first, end = ranges[topic_id, partition, 0]
                lost = [
                    offset
                    for offset in records
                    if not first <= offset < end and (topic_id, partition, offset) not in self.expired
                ]
                assert not lost, f"{topic_id}/{partition}: {lost[:5]} acknowledged, learnt are {first} to {end}"
        wanted = {
            digest
            for topic_id, partitions in self.sent.items()
            for partition, records in partitions.items()
            for offset, digest in records.items()
            if (topic_id, partition, offset) not in self.expired
        }
        with closing(sqlite3.connect(self.folder / "state" / "tidemill.db")) as database:
            stored = [row[0] for row in database.execute("SELECT digest FROM samples")]
        assert len(stored) == len(set(stored))
        assert wanted <= set(stored), f"{len(wanted - set(stored))} pictures are not stored"
        self.check_versions()

    def check_versions(self) -> None:
        """Database and repository are whole, and agree."""
        assert verify(self.folder / "state") == []
        found = verify_repository(self.folder / "models", "default")
        assert [one for one in found if one.kind is not FindingKind.ORPHAN_STAGING] == []
        with self.ledger() as ledger:
            versions = list(ledger.versions())
        assert versions, "nothing was ever published"
        assert all(one.published_at_ms is not None for one in versions)
        for one in versions:
            if one.retired_at_ms is not None:
                continue
            file = self.folder / "models" / "default" / str(one.version) / "model.onnx"
            assert file.stat().st_size == one.manifest["file"]["bytes"]
