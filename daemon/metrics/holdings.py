"""What the learner shows of what there is: in Redis, in the sample store, in quarantine, in the repository."""

from collections.abc import Mapping

from daemon.learn.observer import BufferFacts, Past, Relabelled
from daemon.metrics.family import Family
from streaming.records import Reason

UNKNOWN_REASON = "other"
"""A reason that Redis names and this version does not know."""


class HoldingMetrics:
    """The part of a `LearnObserver` that hears of what is kept."""

    def __init__(self, make: Family) -> None:
        self._buffer_samples = make.optional("buffer_samples", "Samples that wait in Redis.")
        self._buffer_dead_letters = make.optional(
            "buffer_dead_letters", "Markers of dead letters that wait in Redis to be accounted for."
        )
        self._buffer_bytes = make.optional("buffer_bytes", "Bytes that wait in Redis.")
        self._buffer_oldest = make.optional(
            "buffer_oldest_timestamp_seconds", "When the oldest waiting entry was buffered; absent where nothing waits."
        )
        self._dead = make.gauge(
            "dead_letters", "Records that became dead letters, of all topics, as Redis counts them.", ("reason",)
        )
        self._unlearnt = make.gauge(
            "unlearnt_records", "Records between what is learnt for good and the log's end.", ("topic", "partition")
        )
        self._store_samples = make.gauge("store_samples", "Samples in the sample store.", ("role",))
        self._quarantined = make.optional("quarantined_windows", "Windows that wait in quarantine for a person.")
        self._labels = make.gauge(
            "classes", "Labels that are a class, wait, wait near to a class, or left.", ("state",)
        )
        self._store_bytes = make.optional("store_bytes", "Bytes of pixels in the sample store.")
        self._waiting_dropped = make.counter(
            "waiting_dropped_total", "Samples dropped while they waited for their label to become a class."
        )
        self._relabelled = make.counter(
            "relabelled_samples_total", "Stored pictures that came again under another label.", ("outcome",)
        )
        self._retired = make.counter("versions_retired_total", "Old versions whose files were let go.")
        self._versions = make.optional("repository_versions", "Versions in the repository.")
        self._versions_bytes = make.optional("repository_bytes", "Bytes of the versions in the repository.")
        for what in Relabelled:
            self._relabelled.labels(what.value)

    def past_known(self, past: Past) -> None:
        """Go on from what former lives counted."""
        self._waiting_dropped.inc(past.waiting_dropped)
        self._retired.inc(past.versions_retired)

    def buffer_seen(self, facts: BufferFacts) -> None:
        """Show what waits."""
        self._buffer_samples.set(facts.samples)
        self._buffer_dead_letters.set(facts.dead_letters)
        self._buffer_bytes.set(facts.bytes_used)
        if facts.oldest_ms is None:
            self._buffer_oldest.clear()
        else:
            self._buffer_oldest.set(facts.oldest_ms / 1000)

    def dead_letters_seen(self, records: Mapping[str, int]) -> None:
        """Show them, every known reason named."""
        known = {reason.value for reason in Reason}
        for reason in known:
            self._dead.labels(reason).set(records.get(reason, 0))
        if unknown := sum(count for reason, count in records.items() if reason not in known):
            self._dead.labels(UNKNOWN_REASON).set(unknown)

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Show what is not learnt yet."""
        self._unlearnt.labels(topic, str(partition)).set(records)

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

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Show what the store holds."""
        for role, samples in samples_by_role.items():
            self._store_samples.labels(role).set(samples)
        self._store_bytes.set(bytes_used)

    def quarantine_seen(self, windows: int) -> None:
        """Show what waits for a person."""
        self._quarantined.set(windows)

    def versions_retired(self, versions: int) -> None:
        """Count what was let go."""
        self._retired.inc(versions)

    def repository_seen(self, versions: int, bytes_used: int) -> None:
        """Show what the repository holds."""
        self._versions.set(versions)
        self._versions_bytes.set(bytes_used)
