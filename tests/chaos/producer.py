"""A producer that never stops: it notes what Kafka has acknowledged, for that is what must not be lost."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from kafka import KafkaProducer, errors

from tests.chaos.pictures import COLOURS, Picture, paint

TICK_S = 0.05
BAD = 0.04
"""Share of records that are no pictures."""
AGAIN = 0.02
"""Share of records that bring an earlier picture under another id."""
REMEMBERED = 50


class Kind(StrEnum):
    """What a record is."""

    PICTURE = "picture"
    AGAIN = "again"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as it was sent."""

    kind: Kind
    sample_id: str
    label: str
    digest: bytes


class Producer:
    """Sends `rate` records a second, spread over the partitions by chance, from a thread of its own.

    Not idempotent, as most producers in the world: a retry may leave a twin, which must be counted as a duplicate.
    """

    def __init__(self, bootstrap: str, topic: str, *, size: int, partitions: int, rate: float, seed: int) -> None:
        self.rate = rate
        self.partitions = partitions
        """May grow while it runs."""
        self.labels = list(COLOURS)[:3]
        self.offered: dict[bytes, str] = {}
        """Every picture that was handed to the client, by digest: acknowledged or not, it may arrive."""
        self.counts: Counter[str] = Counter()
        self._topic = topic
        self._size = size
        self._rng = np.random.default_rng(seed)
        self._earlier: list[Picture] = []
        self._number = 0
        self._lock = threading.Lock()
        self._acknowledged: dict[int, dict[int, Sent]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)
        self._client: Any = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=False,
            linger_ms=5,
            max_block_ms=2_000,
            request_timeout_ms=4_000,
            delivery_timeout_ms=9_000,
            metadata_max_age_ms=2_000,
            reconnect_backoff_max_ms=500,
            metrics_enabled=False,
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and return once every record is acknowledged or given up."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(30)
        self._client.flush(timeout=30)
        self._client.close(timeout=5)

    def acknowledged(self) -> dict[int, dict[int, Sent]]:
        """Return what Kafka has acknowledged, by partition and offset."""
        with self._lock:
            return {partition: dict(records) for partition, records in self._acknowledged.items()}

    def ends(self) -> dict[int, int]:
        """Return for each partition the offset after the last one that was acknowledged."""
        with self._lock:
            return {partition: max(records) + 1 for partition, records in self._acknowledged.items() if records}

    @property
    def total(self) -> int:
        """Records acknowledged so far."""
        with self._lock:
            return sum(map(len, self._acknowledged.values()))

    def check(self) -> None:
        """Raise AssertionError where it sends no more."""
        assert self._stop.is_set() or self._thread.is_alive(), "the producer ended by itself"

    def add_class(self) -> str | None:
        """Send another class from now on; return its name, or None when there are no more colours."""
        more = [label for label in COLOURS if label not in self.labels]
        if not more:
            return None
        self.labels.append(more[0])
        return more[0]

    def send(self, n: int) -> None:
        """Send `n` records now, beside those that the thread sends."""
        for _ in range(n):
            self._send_one()

    def _run(self) -> None:
        due, last = 0.0, time.monotonic()
        while not self._stop.wait(TICK_S):
            now = time.monotonic()
            # After an outage it does not make up for what was not sent meanwhile.
            due = min(due + self.rate * (now - last), self.rate)
            last = now
            while due >= 1 and not self._stop.is_set():
                due -= 1
                self._send_one()

    def _send_one(self) -> None:
        sent, value = self._next()
        headers = [("ce_label", sent.label.encode()), ("ce_id", sent.sample_id.encode())]
        partition = int(self._rng.integers(self.partitions))
        try:
            future = self._client.send(self._topic, value=value, headers=headers, partition=partition)
        except (errors.KafkaError, ValueError):
            self.counts["refused"] += 1  # the client knows no broker now, or not yet the new partition
            return
        future.add_callback(self._note, sent)
        future.add_errback(self._give_up)

    def _next(self) -> tuple[Sent, bytes]:
        self._number += 1
        name = f"sample-{self._number}"
        chance = float(self._rng.random())
        label = self.labels[int(self._rng.integers(len(self.labels)))]
        if chance < BAD:
            return Sent(Kind.BAD, name, label, b""), f"no picture {self._number}".encode()
        if chance < BAD + AGAIN and self._earlier:
            picture, kind = self._earlier[int(self._rng.integers(len(self._earlier)))], Kind.AGAIN
        else:
            picture, kind = paint(label, self._rng, self._size), Kind.PICTURE
            self._earlier = [*self._earlier[1 - REMEMBERED :], picture]
            self.offered[picture.digest] = picture.label
        return Sent(kind, name, picture.label, picture.digest), picture.png

    def _note(self, sent: Sent, metadata: Any) -> None:
        with self._lock:
            self._acknowledged.setdefault(metadata.partition, {})[metadata.offset] = sent
            self.counts[sent.kind.value] += 1

    def _give_up(self, _error: Exception) -> None:
        self.counts["given up"] += 1


def pictures_of(acknowledged: Mapping[int, Mapping[int, Sent]]) -> dict[bytes, str]:
    """Return the label of each picture among the acknowledged records, by digest."""
    return {one.digest: one.label for records in acknowledged.values() for one in records.values() if one.digest}
