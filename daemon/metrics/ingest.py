"""What an ingestor counts."""

import time
from collections.abc import Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry

from daemon.ingest.observer import Pause
from daemon.metrics.ages import AgeGauge
from daemon.metrics.buckets import Buckets
from daemon.metrics.family import Family
from streaming.records import Reason

PLACE = ("topic", "partition")
DECODE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class IngestMetrics:
    """An `IngestObserver` that counts."""

    def __init__(
        self, registry: CollectorRegistry, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        """`now_ms` is the time of day in milliseconds."""
        make = Family(registry)
        self._consumed = make.counter("records_consumed_total", "Records taken in: buffered, or dead-lettered.")
        self._buffered = make.counter("records_buffered_total", "Records that became samples in the buffer.")
        self._dead = make.counter("records_dead_lettered_total", "Records that became dead letters.", ("reason",))
        self._duplicate = make.counter("records_duplicate_total", "Records that the buffer refused: it has them.")
        self._expired = make.counter(
            "records_expired_total", "Offsets that retention took before they were read.", PLACE
        )
        self._lag = make.gauge("consumer_lag_records", "Records between what is taken in and the log's end.", PLACE)
        self._oldest = AgeGauge(
            registry,
            "kafka_lag_seconds",
            "Age of the oldest record not taken in, by its timestamp; 0 where nothing waits.",
            PLACE,
            now_ms,
        )
        self._uncommitted = make.gauge(
            "uncommitted_records", "Records that wait for the end of a transaction, their own or another's.", PLACE
        )
        self._uncommitted_since = make.gauge(
            "uncommitted_since_timestamp_seconds",
            "When the transaction that holds them was first seen; absent while there is none.",
            PLACE,
        )
        self._paused = make.gauge("ingest_paused", "1 while the ingestor takes no records.")
        self._causes = make.gauge("ingest_pause_cause", "1 for each cause of a pause that stands now.", ("cause",))
        self._stopped = make.gauge(
            "partition_stopped",
            "1 while a partition stands still: its log is truncated, or cannot be read.",
            PLACE,
        )
        self.decoded = Buckets(registry, "decode_seconds", "Seconds that decoding a record took.", DECODE_BUCKETS_S).add
        for reason in Reason:
            self._dead.labels(reason.value)
        self.paused(frozenset())

    def assigned(self, topic: str, partition: int) -> None:
        """Show from the first moment that nothing expired: what is born above 0 is no increase to Prometheus."""
        for metric in (self._expired, self._stopped):
            metric.labels(topic, str(partition))

    def consumed(self, records: int) -> None:
        """Count what was taken in."""
        self._consumed.inc(records)

    def buffered(self, samples: int) -> None:
        """Count what became samples."""
        self._buffered.inc(samples)

    def dead_lettered(self, reason: Reason) -> None:
        """Count a dead letter."""
        self._dead.labels(reason.value).inc()

    def duplicate(self, records: int) -> None:
        """Count what came again."""
        self._duplicate.inc(records)

    def expired(self, topic: str, partition: int, offsets: int) -> None:
        """Count what was lost to retention."""
        self._expired.labels(topic, str(partition)).inc(offsets)

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Show what is not taken in yet; a partition that another ingestor has now is shown there."""
        if records is not None:
            self._lag.labels(topic, str(partition)).set(records)
            return
        for gauge in (self._lag, self._stopped, self._uncommitted, self._uncommitted_since):
            with suppress(KeyError):
                gauge.remove(topic, str(partition))
        self._oldest.remove((topic, str(partition)))

    def oldest(self, topic: str, partition: int, timestamp_ms: int | None) -> None:
        """Show how old it is, at each scrape anew."""
        self._oldest.set((topic, str(partition)), timestamp_ms)

    def uncommitted(self, topic: str, partition: int, records: int, since_ms: int) -> None:
        """Show what an open transaction holds back."""
        self._uncommitted.labels(topic, str(partition)).set(records)
        if since_ms:
            self._uncommitted_since.labels(topic, str(partition)).set(since_ms / 1000)
            return
        with suppress(KeyError):
            self._uncommitted_since.remove(topic, str(partition))

    def paused(self, causes: frozenset[Pause]) -> None:
        """Show whether records are taken, and why not."""
        self._paused.set(int(bool(causes)))
        for cause in Pause:
            self._causes.labels(cause.value).set(int(cause in causes))

    def stopped(self, topic: str, partition: int, *, truncated: bool) -> None:
        """Show whether a partition stands still."""
        self._stopped.labels(topic, str(partition)).set(int(truncated))

    def unreadable(self, topic: str, partition: int, *, waits: bool) -> None:
        """Show whether a partition stands still."""
        self._stopped.labels(topic, str(partition)).set(int(waits))
