"""What the learner counts."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from daemon.learn.observer import BufferFacts, Champion, Judgement, Outcome, Relabelled, Stage
from daemon.metrics.family import Family
from daemon.version import VERSION

CLASSES_MAX = 100
"""Classes that `class_accuracy` shows: all, or the worst so many."""
STAGE_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800)
FRESHNESS_BUCKETS_S = (1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 43200, 86400, 604800)
PUBLISH_BUCKETS_S = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class LearnMetrics:
    """A `LearnObserver` that counts."""

    def __init__(self, registry: CollectorRegistry, *, model: str) -> None:
        make = Family(registry)
        self._model = model
        self._buffer_samples = make.gauge("buffer_samples", "Samples that wait in Redis.")
        self._buffer_dead_letters = make.gauge(
            "buffer_dead_letters", "Markers of dead letters that wait in Redis to be accounted for."
        )
        self._buffer_bytes = make.gauge("buffer_bytes", "Bytes that wait in Redis.")
        self._buffer_oldest = make.gauge(
            "buffer_oldest_timestamp_seconds", "When the oldest waiting entry was buffered; 0 where nothing waits."
        )
        self._unlearnt = make.gauge(
            "unlearnt_records", "Records between what is learnt for good and the log's end.", ("topic", "partition")
        )
        self._store_samples = make.gauge("store_samples", "Samples in the sample store.", ("role",))
        self._labels = make.gauge(
            "classes", "Labels that are a class, wait, wait near to a class, or left.", ("state",)
        )
        self._store_bytes = make.gauge("store_bytes", "Bytes of pixels in the sample store.")
        self._challenger = make.gauge(
            "challenger_turns", "Turns of training that the challenger under way has had, of learning.challenger_turns."
        )
        self._waiting_dropped = make.counter(
            "waiting_dropped_total", "Samples dropped while they waited for their label to become a class."
        )
        self._relabelled = make.counter(
            "relabelled_samples_total", "Stored pictures that came again under another label.", ("outcome",)
        )
        self._retired = make.counter("versions_retired_total", "Old versions whose files were let go.")
        self._versions = make.gauge("repository_versions", "Versions in the repository.")
        self._versions_bytes = make.gauge("repository_bytes", "Bytes of the versions in the repository.")
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
        self._implausible = make.counter(
            "event_times_implausible_total",
            "Samples of published versions whose event time lies ahead or over a year back: not in freshness_seconds.",
        )
        self._publish = make.histogram("publish_seconds", "From the commit until the pointer moved.", PUBLISH_BUCKETS_S)
        self._commit = make.gauge("commit_timestamp_seconds", "When the newest round was committed.")
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        """Show every counter and gauge of a known set of labels from the start."""
        for outcome in Outcome:
            self._rounds.labels(outcome.value)
        for what in Relabelled:
            self._relabelled.labels(what.value)
        for kind in ("fresh", "replay"):
            self._trained.labels(kind)
        for state in ("class", "waiting", "near", "merged", "retired"):
            self._labels.labels(state)

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
        self._buffer_dead_letters.set(facts.dead_letters)
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

    def relabelled(self, pictures: Mapping[Relabelled, int]) -> None:
        """Count what became of new labels of known pictures."""
        for outcome, count in pictures.items():
            self._relabelled.labels(outcome.value).inc(count)

    def classes_seen(self, labels_by_state: Mapping[str, int]) -> None:
        """Show how many classes there are, and labels that are none."""
        for state, labels in labels_by_state.items():
            self._labels.labels(state).set(labels)

    def event_times_implausible(self, samples: int) -> None:
        """Count what freshness leaves out."""
        self._implausible.inc(samples)

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Show what the store holds."""
        for role, samples in samples_by_role.items():
            self._store_samples.labels(role).set(samples)
        self._store_bytes.set(bytes_used)

    def versions_retired(self, versions: int) -> None:
        """Count what was let go."""
        self._retired.inc(versions)

    def repository_seen(self, versions: int, bytes_used: int) -> None:
        """Show what the repository holds."""
        self._versions.set(versions)
        self._versions_bytes.set(bytes_used)
