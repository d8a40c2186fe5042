"""Tells several observers of the learner at once."""

from collections.abc import Mapping, Sequence

from daemon.learn.observer import (
    BufferFacts,
    Champion,
    Freshness,
    Judgement,
    LearnObserver,
    Outcome,
    Past,
    Relabelled,
    Stage,
)


class Watchers:
    """A `LearnObserver` that tells several."""

    def __init__(self, *watchers: LearnObserver) -> None:
        self._watchers = watchers

    def past_known(self, past: Past) -> None:
        """Tell all."""
        for one in self._watchers:
            one.past_known(past)

    def round_started(self, number: int, samples: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.round_started(number, samples)

    def stage_started(self, stage: Stage) -> None:
        """Tell all."""
        for one in self._watchers:
            one.stage_started(stage)

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Tell all."""
        for one in self._watchers:
            one.stage_ended(stage, seconds)

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Tell all."""
        for one in self._watchers:
            one.stepped(step, steps, loss, samples_per_second)

    def trained(self, fresh: int, replayed: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.trained(fresh, replayed)

    def scored_before(self, accuracy: float | None) -> None:
        """Tell all."""
        for one in self._watchers:
            one.scored_before(accuracy)

    def judged(self, judgement: Judgement) -> None:
        """Tell all."""
        for one in self._watchers:
            one.judged(judgement)

    def committed(self, at_ms: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.committed(at_ms)

    def published(self, champion: Champion, seconds: float, freshness: Sequence[Freshness]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.published(champion, seconds, freshness)

    def champion_known(self, champion: Champion | None) -> None:
        """Tell all."""
        for one in self._watchers:
            one.champion_known(champion)

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """Tell all."""
        for one in self._watchers:
            one.round_ended(number, outcome, seconds)

    def buffer_seen(self, facts: BufferFacts) -> None:
        """Tell all."""
        for one in self._watchers:
            one.buffer_seen(facts)

    def dead_letters_seen(self, records: Mapping[str, int]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.dead_letters_seen(records)

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.unlearnt_seen(topic, partition, records)

    def drift_detected(self, classes: Sequence[str]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.drift_detected(classes)

    def challenger_trained(self, turns: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.challenger_trained(turns)

    def waiting_dropped(self, samples: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.waiting_dropped(samples)

    def relabelled(self, pictures: Mapping[Relabelled, int]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.relabelled(pictures)

    def classes_seen(self, labels_by_state: Mapping[str, int]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.classes_seen(labels_by_state)

    def event_times_implausible(self, samples: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.event_times_implausible(samples)

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.store_seen(samples_by_role, bytes_used)

    def quarantine_seen(self, windows: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.quarantine_seen(windows)

    def versions_retired(self, versions: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.versions_retired(versions)

    def repository_seen(self, versions: int, bytes_used: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.repository_seen(versions, bytes_used)
