"""The one place that knows metric names. Each role has a registry of its own; observers are told facts, these count.

No label is unbounded: topics and partitions are configured, reasons, stages, outcomes and roles are closed lists, and
`class_accuracy` keeps to the worst classes.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from daemon.ingest.observer import Pause
from daemon.learn.observer import BufferFacts, Champion, Judgement, Outcome, Stage
from daemon.outage import Need
from daemon.version import VERSION
from streaming.records import Reason

PREFIX = "tidemill"
CLASSES_MAX = 100
"""Classes that `class_accuracy` shows: all, or the worst so many."""
STAGE_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800)
FRESHNESS_BUCKETS_S = (1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 43200, 86400, 604800)
PUBLISH_BUCKETS_S = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
_CODE = re.compile(r"[1-5]\d\d\Z")


def new_registry() -> CollectorRegistry:
    """Return a registry with what is known of the process itself: memory, files, CPU seconds, garbage collection."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class _Family:
    """Makes metrics of one registry, with the prefix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(name, text, labels, namespace=PREFIX, registry=self._registry)

    def gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(name, text, labels, namespace=PREFIX, registry=self._registry)

    def histogram(self, name: str, text: str, buckets: Sequence[float], labels: Iterable[str] = ()) -> Histogram:
        return Histogram(name, text, labels, namespace=PREFIX, registry=self._registry, buckets=buckets)


class IngestMetrics:
    """An `IngestObserver` that counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = _Family(registry)
        self._consumed = make.counter("records_consumed_total", "Records taken in: buffered, or dead-lettered.")
        self._buffered = make.counter("records_buffered_total", "Records that became samples in the buffer.")
        self._dead = make.counter("records_dead_lettered_total", "Records that became dead letters.", ("reason",))
        self._duplicate = make.counter("records_duplicate_total", "Records that the buffer refused: it has them.")
        self._expired = make.counter(
            "records_expired_total", "Offsets that retention took before they were read.", ("topic", "partition")
        )
        self._lag = make.gauge(
            "consumer_lag_records", "Records between what is taken in and the log's end.", ("topic", "partition")
        )
        self._paused = make.gauge("ingest_paused", "1 while the ingestor takes no records.")
        self._causes = make.gauge("ingest_pause_cause", "1 for each cause of a pause that stands now.", ("cause",))
        self._stopped = make.gauge(
            "partition_stopped", "1 while a partition stands still, its log truncated.", ("topic", "partition")
        )
        for reason in Reason:
            self._dead.labels(reason.value)
        self.paused(frozenset())

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
        for gauge in (self._lag, self._stopped):
            with suppress(KeyError):
                gauge.remove(topic, str(partition))

    def paused(self, causes: frozenset[Pause]) -> None:
        """Show whether records are taken, and why not."""
        self._paused.set(int(bool(causes)))
        for cause in Pause:
            self._causes.labels(cause.value).set(int(cause in causes))

    def stopped(self, topic: str, partition: int, *, truncated: bool) -> None:
        """Show whether a partition stands still."""
        self._stopped.labels(topic, str(partition)).set(int(truncated))


class LearnMetrics:
    """A `LearnObserver` that counts."""

    def __init__(self, registry: CollectorRegistry, *, model: str) -> None:
        make = _Family(registry)
        self._model = model
        self._buffer_samples = make.gauge("buffer_samples", "Entries that wait in Redis.")
        self._buffer_bytes = make.gauge("buffer_bytes", "Bytes that wait in Redis.")
        self._buffer_oldest = make.gauge(
            "buffer_oldest_timestamp_seconds", "When the oldest waiting entry was buffered; 0 where nothing waits."
        )
        self._unlearnt = make.gauge(
            "unlearnt_records", "Records between what is learnt for good and the log's end.", ("topic", "partition")
        )
        self._store_samples = make.gauge("store_samples", "Samples in the sample store.", ("role",))
        self._store_bytes = make.gauge("store_bytes", "Bytes of pixels in the sample store.")
        self._challenger = make.gauge(
            "challenger_turns", "Turns of training that the challenger under way has had, of learning.challenger_turns."
        )
        self._waiting_dropped = make.counter(
            "waiting_dropped_total", "Samples dropped while they waited for their label to become a class."
        )
        self._drift = make.counter("drift_detected_total", "Drift alarms: the champion's errors rose.")
        self._rounds = make.counter("rounds_total", "Rounds, by how they ended.", ("outcome",))
        self._stages = make.histogram(
            "round_stage_seconds", "Seconds of each stage of a round.", STAGE_BUCKETS_S, ("stage",)
        )
        self._trained = make.counter("trained_samples_total", "Samples trained on.", ("kind",))
        self._speed = make.gauge("train_samples_per_second", "Speed of the newest training steps.")
        self._loss = make.gauge("train_loss", "Loss of the newest training step.")
        self._prequential = make.gauge(
            "prequential_accuracy", "The champion's accuracy on the newest window before it was learnt."
        )
        self._holdout = make.gauge("holdout_accuracy", "Accuracy on held-out samples.", ("role",))
        self._classes = make.gauge(
            "class_accuracy", f"The candidate's accuracy by class; of more than {CLASSES_MAX} the worst.", ("class",)
        )
        self._forgetting = make.gauge("forgetting", "Mean over classes of the best accuracy so far less the newest.")
        self._gap = make.gauge(
            "train_holdout_gap",
            "Balanced accuracy on samples trained on less that on held-out ones. Above 0.1 round after round the store "
            "is learnt by heart: keep or send more images, set learning.crop and learning.flip, lower round.passes.",
        )
        self._flips = make.gauge("negative_flip_rate", "Share of held-out samples right before and wrong now.")
        self._version = make.gauge("model_version", "The champion's version; 0 before the first.")
        self._published = make.gauge("model_published_timestamp_seconds", "When the champion was published.")
        self._info = make.gauge("model_info", "What the champion is.", ("model", "architecture", "classes", "tidemill"))
        self._freshness = make.histogram(
            "freshness_seconds", "From a sample's event time until a version that learnt it.", FRESHNESS_BUCKETS_S
        )
        self._publish = make.histogram("publish_seconds", "From the commit until the pointer moved.", PUBLISH_BUCKETS_S)
        self._commit = make.gauge("commit_timestamp_seconds", "When the newest round was committed.")
        for outcome in Outcome:
            self._rounds.labels(outcome.value)
        for kind in ("fresh", "replay"):
            self._trained.labels(kind)

    def round_started(self, number: int, samples: int) -> None:
        """Nothing to count: rounds count when they end."""

    def stage_started(self, stage: Stage) -> None:
        """Nothing to count: stages count when they end."""

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Count a stage's seconds."""
        self._stages.labels(stage.value).observe(seconds)

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Show how training goes."""
        self._loss.set(loss)
        self._speed.set(samples_per_second)

    def trained(self, fresh: int, replayed: int) -> None:
        """Count what was trained on."""
        self._trained.labels("fresh").inc(fresh)
        self._trained.labels("replay").inc(replayed)

    def scored_before(self, accuracy: float | None) -> None:
        """Show the accuracy before learning."""
        if accuracy is not None:
            self._prequential.set(accuracy)

    def judged(self, judgement: Judgement) -> None:
        """Show the comparison; what could not be compared keeps its last value."""
        for role, accuracy in (
            ("candidate", judgement.candidate_accuracy),
            ("champion", judgement.champion_accuracy),
        ):
            if accuracy is not None:
                self._holdout.labels(role).set(accuracy)
        if judgement.negative_flip_rate is not None:
            self._flips.set(judgement.negative_flip_rate)
        if judgement.train_holdout_gap is not None:
            self._gap.set(judgement.train_holdout_gap)
        if judgement.forgetting is not None:
            self._forgetting.set(judgement.forgetting)
        self._classes.clear()
        worst = sorted(judgement.class_accuracy.items(), key=lambda item: (item[1], item[0]))[:CLASSES_MAX]
        for name, accuracy in worst:
            self._classes.labels(name).set(accuracy)

    def committed(self, at_ms: int) -> None:
        """Show when the last commit was."""
        self._commit.set(at_ms / 1000)

    def published(self, champion: Champion, seconds: float, freshness_s: Sequence[float]) -> None:
        """Show the new champion, and how fresh it is."""
        self.champion_known(champion)
        self._publish.observe(seconds)
        for one in freshness_s:
            self._freshness.observe(max(one, 0.0))

    def champion_known(self, champion: Champion | None) -> None:
        """Show the champion, or that there is none."""
        if champion is None:
            self._version.set(0)
            return
        self._version.set(champion.version)
        self._published.set(champion.published_ms / 1000)
        self._info.clear()
        self._info.labels(self._model, champion.architecture, str(champion.classes), VERSION).set(1)

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """Count the round."""
        self._rounds.labels(outcome.value).inc()

    def buffer_seen(self, facts: BufferFacts) -> None:
        """Show what waits."""
        self._buffer_samples.set(facts.samples)
        self._buffer_bytes.set(facts.bytes_used)
        self._buffer_oldest.set((facts.oldest_ms or 0) / 1000)

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Show what is not learnt yet."""
        self._unlearnt.labels(topic, str(partition)).set(records)

    def drift_detected(self, classes: Sequence[str]) -> None:
        """Count an alarm; which classes is in the log."""
        self._drift.inc()

    def challenger_trained(self, turns: int) -> None:
        """Show how far a challenger is."""
        self._challenger.set(turns)

    def waiting_dropped(self, samples: int) -> None:
        """Count what waited in vain."""
        self._waiting_dropped.inc(samples)

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Show what the store holds."""
        for role, samples in samples_by_role.items():
            self._store_samples.labels(role).set(samples)
        self._store_bytes.set(bytes_used)


class OutageMetrics:
    """An `OutageObserver` that counts. Seconds grow while the outage lasts, with each try."""

    def __init__(self, registry: CollectorRegistry, needs: Iterable[Need], now_ms: Callable[[], int]) -> None:
        """`needs` stand there from the start; `now_ms` is the time of day in milliseconds."""
        make = _Family(registry)
        self._now_ms = now_ms
        self._retries = make.counter("retries_total", "Tries that failed and are made again.", ("what",))
        self._seconds = make.counter("outage_seconds_total", "Seconds of outages.", ("what",))
        self._since = make.gauge(
            "outage_since_timestamp_seconds", "When the outage that lasts now began; 0 while there is none.", ("what",)
        )
        self._ongoing: set[Need] = set()
        for need in needs:
            for metric in (self._retries, self._seconds, self._since):
                metric.labels(need.value)

    def failed(self, need: Need, seconds: float) -> None:
        """Count a try, and show since when there is an outage."""
        self._retries.labels(need.value).inc()
        self._seconds.labels(need.value).inc(seconds)
        if need not in self._ongoing:
            self._ongoing.add(need)
            self._since.labels(need.value).set(self._now_ms() / 1000)

    def recovered(self, need: Need, seconds: float) -> None:
        """Show that it is over."""
        self._seconds.labels(need.value).inc(seconds)
        self._ongoing.discard(need)
        self._since.labels(need.value).set(0)


class ServeMetrics:
    """Counts answered requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = _Family(registry).counter(
            "http_requests_total", "Requests answered, by route and status code.", ("route", "code")
        )

    def answered(self, route: str, code: int) -> None:
        """Count an answer; `route` is a template, as `/v1/models/{name}`, never a path as asked."""
        text = str(code)
        self._requests.labels(route, text if _CODE.match(text) else "other").inc()


class RunMetrics:
    """Shows which roles of a supervisor live."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = _Family(registry)
        self._up = make.gauge("role_up", "1 while the role's process lives.", ("role",))
        self._restarts = make.counter("role_restarts_total", "Restarts of a role that died.", ("role",))

    def role_up(self, role: str, *, up: bool) -> None:
        """Show whether `role` lives."""
        self._up.labels(role).set(int(up))
        self._restarts.labels(role)

    def role_restarted(self, role: str) -> None:
        """Count a restart of `role`."""
        self._restarts.labels(role).inc()
