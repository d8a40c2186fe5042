"""Where the learner stands, for GET /status: which round, which stage, which step of how many."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.learn.observer import BufferFacts, Champion, Judgement, LearnObserver, Outcome, Stage


class Progress:
    """A `LearnObserver` that remembers the newest of everything. Read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {
            "round": None,
            "stage": None,
            "step": 0,
            "steps": 0,
            "samples": 0,
            "loss": None,
            "samples_per_second": None,
            "version": None,
            "last_outcome": None,
            "candidate_accuracy": None,
            "prequential_accuracy": None,
            "buffer": {"samples": 0, "bytes": 0},
            "store": {},
        }

    def snapshot(self) -> Mapping[str, Any]:
        """Return the state as JSON values: `round`, `stage` (null between rounds), `step` of `steps`, and the rest."""
        with self._lock:
            return dict(self._state)

    def _set(self, **facts: Any) -> None:
        with self._lock:
            self._state.update(facts)

    def round_started(self, number: int, samples: int) -> None:
        """A new round: its steps begin at 0."""
        self._set(round=number, samples=samples, step=0, steps=0, stage=None)

    def stage_started(self, stage: Stage) -> None:
        """Remember the stage."""
        self._set(stage=stage.value)

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Nothing: the next stage begins, or the round ends."""

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Remember how far training is."""
        self._set(step=step, steps=steps, loss=loss, samples_per_second=samples_per_second)

    def trained(self, fresh: int, replayed: int) -> None:
        """Nothing: the steps have told it."""

    def scored_before(self, accuracy: float | None) -> None:
        """Remember the accuracy before learning."""
        self._set(prequential_accuracy=accuracy)

    def judged(self, judgement: Judgement) -> None:
        """Remember the candidate's accuracy."""
        self._set(candidate_accuracy=judgement.candidate_accuracy)

    def committed(self, at_ms: int) -> None:
        """Nothing: the stage says it."""

    def published(self, champion: Champion, seconds: float, freshness_s: Sequence[float]) -> None:
        """Remember the version."""
        self.champion_known(champion)

    def champion_known(self, champion: Champion | None) -> None:
        """Remember the version."""
        self._set(version=champion.version if champion else None)

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """Between rounds there is no stage."""
        self._set(stage=None, last_outcome=outcome.value)

    def buffer_seen(self, facts: BufferFacts) -> None:
        """Remember what waits."""
        self._set(buffer={"samples": facts.samples, "bytes": facts.bytes_used})

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Nothing: metrics show it."""

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Remember what is stored."""
        self._set(store=dict(samples_by_role))

    def drift_detected(self) -> None:
        """Nothing: metrics show it."""


class Watchers:
    """A `LearnObserver` that tells several."""

    def __init__(self, *watchers: LearnObserver) -> None:
        self._watchers = watchers

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

    def published(self, champion: Champion, seconds: float, freshness_s: Sequence[float]) -> None:
        """Tell all."""
        for one in self._watchers:
            one.published(champion, seconds, freshness_s)

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

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.unlearnt_seen(topic, partition, records)

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Tell all."""
        for one in self._watchers:
            one.store_seen(samples_by_role, bytes_used)

    def drift_detected(self) -> None:
        """Tell all."""
        for one in self._watchers:
            one.drift_detected()
