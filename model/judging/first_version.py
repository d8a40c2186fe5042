"""When there is no champion yet: is the candidate worth being the first version?"""

import numpy as np
from scipy.special import betaincinv

from model.judging.answers import Answers

CLASSES_MIN = 2
CONFIDENCE = 0.95


def lower_bound(right: int, n: int) -> float:
    """Return the lower 95 % confidence bound of a share, exact and one-sided (Clopper and Pearson 1934)."""
    return float(betaincinv(right, n - right + 1, 1 - CONFIDENCE)) if right else 0.0


def why_not_first(candidate: Answers, holdout_min: int) -> str:
    """Return why the candidate may not be the first version; empty if it may.

    It needs two classes held out, `holdout_min` held-out samples, and a lower 95 % bound of its accuracy on them above
    what always answering the commonest class would get.
    """
    n = len(candidate.labels)
    counts = np.bincount(candidate.labels) if n else np.zeros(1, np.int64)
    if n < holdout_min:
        return f"no version yet: {n} held out, {holdout_min} are needed"
    if int((counts > 0).sum()) < CLASSES_MIN:
        return f"no version yet: held-out samples of {CLASSES_MIN} classes are needed"
    bound, majority = lower_bound(int(candidate.correct.sum()), n), float(counts.max() / n)
    if bound <= majority:
        return (
            f"no version yet: {candidate.accuracy:.1%} right of {n} held out is surely above {bound:.1%} only, "
            f"and always answering the commonest class gets {majority:.1%}"
        )
    return ""
