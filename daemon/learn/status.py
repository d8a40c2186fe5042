"""What the learner is doing right now, for `GET /status`. An observer like the metrics, but of the present only."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemon.learn.observer import BufferFacts, Champion, Freshness, Judgement, Outcome, Past, Relabelled, Stage
from model.publishing import learner_status as told


class StatusBoard:
    """Keeps the latest facts. Written by the learner's thread, read by the health server's."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._facts: dict[str, Any] = {"round": None, "stage": None, "step": 0, "steps": 0, "last": None}
        self._unlearnt: dict[tuple[str, int], int] = {}
        self._freshness: told.Freshness | None = None

    def unlearnt(self) -> dict[tuple[str, int], int] | None:
        """Return the records of each partition that are not learnt yet; None until that is known."""
        with self._lock:
            return dict(self._unlearnt) or None

    def freshness(self) -> told.Freshness | None:
        """Return how fresh the newest version was that came in this life; None before."""
        with self._lock:
            return self._freshness

    def snapshot(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        with self._lock:
            return dict(self._facts)

    def _set(self, **facts: Any) -> None:
        with self._lock:
            self._facts.update(facts)

    def past_known(self, past: Past) -> None:
        """Not shown here: `tidemill rounds` and the metrics have it."""

    def round_started(self, number: int, samples: int) -> None:
        """Note the round and how many fresh samples it has."""
        self._set(round=number, samples=samples, step=0, steps=0, started_ms=self._now_ms())

    def stage_started(self, stage: Stage) -> None:
        """Note the stage."""
        self._set(stage=stage.value)

    def stage_ended(self, stage: Stage, seconds: float) -> None:
        """Forget the stage."""
        self._set(stage=None)

    def stepped(self, step: int, steps: int, loss: float, samples_per_second: float) -> None:
        """Note how far training is."""
        self._set(step=step, steps=steps, loss=loss, samples_per_second=samples_per_second)

    def trained(self, fresh: int, replayed: int) -> None:
        """Note how many samples went through the training."""
        self._set(fresh=fresh, replayed=replayed)

    def scored_before(self, accuracy: float | None) -> None:
        """Note the champion's accuracy on the window."""
        self._set(prequential_accuracy=accuracy)

    def judged(self, judgement: Judgement) -> None:
        """Note both accuracies."""
        self._set(
            candidate_accuracy=judgement.candidate_accuracy,
            champion_accuracy=judgement.champion_accuracy,
        )

    def committed(self, at_ms: int) -> None:
        """Note when."""
        self._set(committed_ms=at_ms)

    def published(self, champion: Champion, seconds: float, freshness: Sequence[Freshness]) -> None:
        """Note the new champion, and how fresh it is."""
        self.champion_known(champion)
        ordered = sorted(seconds for one in freshness for seconds in one.total_s)
        if ordered:
            with self._lock:
                self._freshness = told.Freshness(
                    version=champion.version,
                    samples=len(ordered),
                    median_s=max(0.0, ordered[len(ordered) // 2]),
                    p95_s=max(0.0, ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]),
                )

    def champion_known(self, champion: Champion | None) -> None:
        """Note the champion."""
        self._set(champion=champion.version if champion else None)

    def round_ended(self, number: int, outcome: Outcome, seconds: float) -> None:
        """Move the round to `last`."""
        self._set(round=None, stage=None, last={"round": number, "outcome": outcome.value, "seconds": seconds})

    def buffer_seen(self, facts: BufferFacts) -> None:
        """Note what waits."""
        waiting = {"samples": facts.samples, "dead_letters": facts.dead_letters}
        self._set(buffer={**waiting, "bytes": facts.bytes_used, "oldest_ms": facts.oldest_ms})

    def dead_letters_seen(self, records: Mapping[str, int]) -> None:
        """Not shown here: `tidemill status` and the metrics have it."""

    def unlearnt_seen(self, topic: str, partition: int, records: int) -> None:
        """Note how far behind a partition is."""
        with self._lock:
            self._unlearnt[topic, partition] = records

    def drift_detected(self, classes: Sequence[str]) -> None:
        """Not shown here: `tidemill status` and the metrics have it."""

    def challenger_trained(self, turns: int) -> None:
        """Note how far a challenger is."""
        self._set(challenger_turns=turns)

    def waiting_dropped(self, samples: int) -> None:
        """Not shown here: `tidemill status` and the metrics have it."""

    def relabelled(self, pictures: Mapping[Relabelled, int]) -> None:
        """Not shown here: `tidemill status` and the metrics have it."""

    def classes_seen(self, labels_by_state: Mapping[str, int]) -> None:
        """Note how many classes there are."""
        self._set(classes=dict(labels_by_state))

    def event_times_implausible(self, samples: int) -> None:
        """Not shown here: the metrics have it."""

    def skewed(self, seconds: float) -> None:
        """Note how far this host's clock is ahead of that of Redis."""
        self._set(clock_skew_s=round(seconds, 3))

    def store_seen(self, samples_by_role: Mapping[str, int], bytes_used: int) -> None:
        """Note what the store holds."""
        self._set(store=dict(samples_by_role), store_bytes=bytes_used)

    def quarantine_seen(self, windows: int) -> None:
        """Not shown here: `tidemill status` and the metrics have it."""

    def versions_retired(self, versions: int) -> None:
        """Not shown here: `tidemill versions` and the metrics have it."""

    def repository_seen(self, versions: int, bytes_used: int) -> None:
        """Note what the repository holds."""
        self._set(repository={"versions": versions, "bytes": bytes_used})
