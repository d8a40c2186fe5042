"""Is a window so unlike what was learnt lately that it must not be learnt? Asked before training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc

from model.judging.answers import Answers
from model.judging.paired import harm_p_value, pair

SUSPECT_P = 1e-6
"""Chance of so few right answers below which a window is suspect."""
MARGIN = 0.10
"""How far below its recent own the champion may lie: a camera turned a little, or a few wrong labels, can be learnt."""
KNOWN_MIN = 20
"""Samples of a class that tell what to expect of it. A class just learnt is not expected to be known well."""
LEARNT_P = 1e-3
"""Chance below which more right answers than before are knowledge and not luck."""

ClassCounts = Mapping[int, tuple[int, int]]
"""(samples, right) by class."""


@dataclass(frozen=True, slots=True)
class Screening:
    """The champion's worst answer to the questions asked of a window: over all, or on one class."""

    n: int
    right: int
    expected: float
    """Share of right answers to expect, in 0..1."""
    p_value: float
    """Chance of so few right answers, were the champion only MARGIN below what is expected, times the number of
    questions. 1 where nothing is expected."""
    label: int | None = None
    """The class that was asked for; None: all of which enough is known."""

    @property
    def suspect(self) -> bool:
        """Tell whether the window must not be learnt."""
        return self.p_value < SUSPECT_P

    def told(self, classes: Sequence[str]) -> str:
        """Say it to people."""
        of = "" if self.label is None else f" of class {classes[self.label]!r}"
        return f"{self.right / max(self.n, 1):.1%} right of {self.n}{of}, where {self.expected:.1%} were to be expected"


def class_counts(answers: Answers, known: int) -> dict[int, tuple[int, int]]:
    """Return (samples, right) of each class below `known` that the samples hold."""
    return {
        int(label): (int((answers.labels == label).sum()), int(answers.correct[answers.labels == label].sum()))
        for label in np.unique(answers.labels)
        if label < known
    }


def screen(window: ClassCounts, recent: ClassCounts, held_out: ClassCounts) -> Screening:
    """Compare a window with the windows before it, over all and class by class; another mix of classes is no reason.

    Earlier windows were answered by earlier champions, and a young model gives one class away to win another. So no
    more is expected of a class than what the champion itself knows of its held-out samples (`held_out`), either; a
    class of which too few are held out is not asked by itself.

    The number of right answers is a sum of binomials with each class's own share; a binomial with their mean has the
    heavier tail below it (Hoeffding 1956), so its exact p-value is on the safe side.
    """
    judged = {one: counts for one, counts in window.items() if recent.get(one, (0, 0))[0] >= KNOWN_MIN}
    n = sum(samples for samples, _ in judged.values())
    right = sum(good for _, good in judged.values())
    if n == 0:
        return Screening(0, 0, 0.0, 1.0)
    alone = [one for one in judged if held_out.get(one, (0, 0))[0] >= KNOWN_MIN]
    shares = {one: recent[one][1] / recent[one][0] for one in judged}
    shares |= {one: min(shares[one], held_out[one][1] / held_out[one][0]) for one in alone}
    expected = sum(samples * shares[one] for one, (samples, _) in judged.items()) / n
    # Two of ten classes that change places leave the total within the margin: each class is asked, too.
    asked = [_asked(n, right, expected), *(_asked(*judged[one], shares[one], one) for one in alone)]
    worst = min(asked, key=lambda one: one.p_value)
    return replace(worst, p_value=min(1.0, worst.p_value * len(asked)))


def _asked(n: int, right: int, expected: float, label: int | None = None) -> Screening:
    """Return the chance of at most `right` right answers of `n`, were their share MARGIN below what is expected."""
    allowed = max(0.0, expected - MARGIN)
    chance = float(betainc(n - right, right + 1, 1 - allowed)) if right < n else 1.0
    return Screening(n, right, expected, chance, label)


def has_learnt(probe: Answers, before: Answers) -> bool:
    """Tell whether a probe knows surely more about the samples than the champion, and than their commonest label."""
    return _surely_better(probe, before) and _surely_better(probe, _commonest(before.labels))


def _surely_better(probe: Answers, other: Answers) -> bool:
    return len(probe.labels) > 0 and harm_p_value(pair(other, probe)) < LEARNT_P


def _commonest(labels: np.ndarray) -> Answers:
    return Answers(np.full_like(labels, np.bincount(labels).argmax() if len(labels) else 0), labels)


def contradicted(probe: Answers, before: Answers) -> tuple[int, ...]:
    """Return the classes whose held-out samples a probe contradicts: most that were right it gives to one other class.

    A picture taken in another way makes answers worse, but not such that one class becomes another.
    """
    classes = []
    for label in np.unique(before.labels):
        said = probe.predicted[(before.labels == label) & before.correct]
        counts = np.bincount(said[said != label]) if len(said) else np.zeros(0, np.int64)
        if counts.size and 2 * counts.max() > len(said):
            classes.append(int(label))
    return tuple(classes)
