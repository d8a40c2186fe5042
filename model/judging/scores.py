"""Accuracy by class."""

from dataclasses import dataclass

import numpy as np

from model.judging.answers import Answers


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class on the holdout."""

    n: int
    candidate: float
    champion: float | None


def score_classes(candidate: Answers, champion: Answers | None) -> dict[int, ClassScore]:
    """Return the accuracies on each class that the samples hold, by its index, ascending.

    A class that the champion does not know is one that it has all wrong.
    """
    scores = {}
    for label in np.unique(candidate.labels):
        chosen = candidate.labels == label
        scores[int(label)] = ClassScore(
            int(chosen.sum()),
            float(candidate.correct[chosen].mean()),
            None if champion is None else float(champion.correct[chosen].mean()),
        )
    return scores
