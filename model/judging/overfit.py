"""How much better a model knows the samples that it was trained on than those held out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model.judging.answers import Answers
from model.judging.scores import ClassScore, score_classes


@dataclass(frozen=True, slots=True)
class Gap:
    """Balanced accuracies, 0..1: each the mean over the classes that both sides hold."""

    train: float
    holdout: float

    @property
    def size(self) -> float:
        """What the training samples are ahead by; below 0 where they are behind."""
        return self.train - self.holdout


def gap_between(trained: Answers, held_out: Mapping[int, ClassScore]) -> Gap | None:
    """Compare answers to training samples with the candidate's scores on the holdout; None without a class in common.

    By class, because the two are drawn otherwise: replay evens classes out, the holdout has them as they came.
    """
    known = score_classes(trained, None)
    both = [label for label in known if label in held_out and held_out[label].n]
    if not both:
        return None
    return Gap(
        float(np.mean([known[label].candidate for label in both])),
        float(np.mean([held_out[label].candidate for label in both])),
    )
