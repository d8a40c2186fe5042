"""What the learner shows of how good the model is."""

from collections.abc import Sequence

from daemon.learn.observer import Judgement
from daemon.metrics.family import Family

CLASSES_MAX = 100
"""Classes that `class_accuracy` shows: all, or the worst so many."""


class QualityMetrics:
    """The part of a `LearnObserver` that hears of accuracies."""

    def __init__(self, make: Family) -> None:
        self._drift = make.counter("drift_detected_total", "Drift alarms: the champion's errors rose.")
        self._prequential = make.optional(
            "prequential_accuracy", "The champion's accuracy on the newest window before it was learnt."
        )
        self._holdout = make.gauge("holdout_accuracy", "Accuracy on held-out samples.", ("role",))
        self._classes = make.gauge(
            "class_accuracy", f"The candidate's accuracy by class; of more than {CLASSES_MAX} the worst.", ("class",)
        )
        self._forgetting = make.optional(
            "forgetting", "Mean over classes of what the candidate lost against the champion."
        )
        self._gap = make.optional(
            "train_holdout_gap",
            "Balanced accuracy on samples trained on less that on held-out ones. Above 0.1 round after round the store "
            "is learnt by heart: keep or send more images, set learning.crop and learning.flip, lower round.passes.",
        )
        self._flips = make.optional("negative_flip_rate", "Share of held-out samples right before and wrong now.")

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
        for gauge, value in (
            (self._flips, judgement.negative_flip_rate),
            (self._gap, judgement.train_holdout_gap),
            (self._forgetting, judgement.forgetting),
        ):
            if value is not None:
                gauge.set(value)
        worst = sorted(judgement.class_accuracy.items(), key=lambda item: (item[1], item[0]))[:CLASSES_MAX]
        self._classes.clear()
        for name, accuracy in worst:
            self._classes.labels(name).set(accuracy)

    def drift_detected(self, classes: Sequence[str]) -> None:
        """Count an alarm; which classes is in the log."""
        self._drift.inc()
