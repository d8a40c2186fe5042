"""Turns what a round found into what observers are told."""

from collections.abc import Callable, Iterable

from daemon.learn.observer import Judgement, LearnObserver
from model.judging.gate import Verdict
from model.judging.overfit import Gap
from model.learning.trainer import StepFacts


def report_training(observer: LearnObserver) -> Callable[[StepFacts], None]:
    """Return a callback that passes on the progress of training."""

    def tell(facts: StepFacts) -> None:
        observer.stepped(facts.step, facts.steps, facts.loss, facts.samples_per_second)

    return tell


def judgement_of(verdict: Verdict, classes: tuple[str, ...], gap: Gap | None = None) -> Judgement:
    """Return the comparison by class name. Forgetting is what classes lost against the champion, in the mean."""
    return Judgement(
        candidate_accuracy=verdict.candidate_accuracy,
        champion_accuracy=verdict.champion_accuracy,
        negative_flip_rate=verdict.negative_flip_rate,
        forgetting=mean_loss((score.n, score.candidate, score.champion) for score in verdict.per_class.values()),
        class_accuracy={classes[index]: score.candidate for index, score in verdict.per_class.items() if score.n},
        train_holdout_gap=None if gap is None else gap.size,
    )


def mean_loss(scores: Iterable[tuple[int, float, float | None]]) -> float | None:
    """Return what classes lost in the mean; None without any that the champion knows and that is held out.

    `scores`: for each class its held-out samples, and the candidate's and the champion's accuracy on them.
    """
    losses = [max(0.0, champion - candidate) for n, candidate, champion in scores if champion is not None and n > 0]
    return sum(losses) / len(losses) if losses else None
