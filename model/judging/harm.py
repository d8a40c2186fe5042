"""Is a candidate worse than what it would replace? Four exact tests that share one chance of a false alarm.

The shares were chosen by simulation (docs/learning.md): equal candidates are refused in less than `alpha` of cases, and
the holdout as a whole, which catches the commonest harm, keeps nearly all of its power.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from model.judging.answers import Answers
from model.judging.paired import Pairing, harm_p_value, pair
from model.judging.standing import Standing, standing_p_value
from model.judging.unconditional import unconditional_p_value

WHOLE_SHARE = 0.92
NEWEST_SHARE = 0.01
CLASSES_SHARE = 0.05
REFERENCE_SHARE = 0.2
"""Parts of alpha. They add up to more than 1, for the tests are discrete, and their alarms often the same ones."""
NEWEST_MAX = 1_000
"""Held-out samples, from the newest, that tell of what arrives now."""
CLASS_MIN = 100
"""Held-out samples from which a class is judged by itself; smaller ones are judged together."""
OTHERS = -1
"""Stands for the classes that are judged together."""
REFERENCE_POINTS = 1.0
"""How far below the reference a candidate may lie."""
RELEVANT = 1e-12


@dataclass(frozen=True)
class Evidence:
    """The candidate paired with what it is compared with, on classes that the other knows.

    Where the candidate knows more classes, it was asked to answer with the other's: a new class may take points from
    its neighbours.
    """

    whole: Pairing
    newest: Pairing
    classes: Mapping[int, Pairing]
    reference: Pairing | None = None
    standing: Standing | None = None
    """Among the champion and those before it; None where nothing is known of these."""

    @cached_property
    def whole_p_value(self) -> float:
        """The chance of so great a loss against the champion, were both equally good."""
        return unconditional_p_value(self.whole)

    @cached_property
    def standing_p_value(self) -> float | None:
        """The same among the champion and its predecessors; None where it has none of its kind."""
        return standing_p_value(self.standing) if self.standing and self.standing.predecessors else None

    def worse_on_the_whole(self, limit: float) -> bool:
        """Tell whether the candidate is worse than the champion, and than it and its predecessors together.

        Where it is worse than the champion alone, that one is better on this holdout than it is: see standing.py.
        """
        among_all = self.standing_p_value
        return self.whole_p_value <= limit and (among_all is None or among_all <= limit)


def gather(
    candidate: Answers,
    champion: Answers,
    newest: NDArray[np.bool_],
    whole: NDArray[np.bool_],
    reference: Pairing | None = None,
    standing: Standing | None = None,
) -> Evidence:
    """Return the evidence of answers on samples of classes that the champion knows."""
    return Evidence(
        whole=pair(candidate.some(whole), champion.some(whole)),
        newest=pair(candidate.some(newest), champion.some(newest)),
        classes=_by_class(candidate.some(whole), champion.some(whole)),
        reference=reference,
        standing=standing,
    )


def _by_class(candidate: Answers, champion: Answers) -> dict[int, Pairing]:
    counts = np.bincount(candidate.labels) if len(candidate.labels) else np.zeros(0, np.int64)
    large = np.flatnonzero(counts >= CLASS_MIN)
    parts = {int(label): candidate.labels == label for label in large}
    rest = ~np.isin(candidate.labels, large)
    parts |= {OTHERS: rest} if rest.any() else {}
    return {label: pair(candidate.some(chosen), champion.some(chosen)) for label, chosen in parts.items()}


def find_harm(evidence: Evidence, alpha: float, names: Mapping[int, str] | None = None) -> str:
    """Return in what the candidate is significantly worse; empty if in nothing."""
    if evidence.worse_on_the_whole(alpha * WHOLE_SHARE):
        counts = _counts(evidence.whole)
        return f"significantly worse than the champion: {counts}, p = {evidence.whole_p_value:.3g}"
    newest = harm_p_value(evidence.newest)
    if evidence.newest.n < evidence.whole.n and newest <= alpha * NEWEST_SHARE:
        return f"significantly worse than the champion on the newest: {_counts(evidence.newest)}, p = {newest:.3g}"
    label, worst = worst_class(evidence.classes)
    if worst <= alpha * CLASSES_SHARE:
        name = "the small classes" if label == OTHERS else f"class {(names or {}).get(label, label)!r}"
        return f"significantly worse on {name}: {_counts(evidence.classes[label])}, p = {worst:.3g} among all classes"
    if evidence.reference is not None:
        fallen = margin_p_value(evidence.reference, REFERENCE_POINTS / 100)
        if fallen <= alpha * REFERENCE_SHARE:
            counts = _counts(evidence.reference)
            return f"more than {REFERENCE_POINTS:g} point below the reference version: {counts}, p = {fallen:.3g}"
    return ""


def _counts(pairing: Pairing) -> str:
    return f"{pairing.won} won and {pairing.lost} lost of {pairing.n} held out"


def worst_class(classes: Mapping[int, Pairing]) -> tuple[int, float]:
    """Return the class that lost most surely, and the chance that any of them would look so bad by luck.

    The exact distribution of the smallest of discrete p-values (Westfall and Wolfinger 1997): a class of which the two
    models disagree on few samples cannot look bad, and takes nothing from the others. Never less powerful than Holm.
    """
    if not classes:
        return OTHERS, 1.0
    values = {label: harm_p_value(one) for label, one in classes.items()}
    worst = min(values, key=lambda label: values[label])
    none_below = 1.0
    for one in classes.values():
        none_below *= 1.0 - _attainable(one.lost + one.won, values[worst])
    return worst, 1.0 - none_below


def _attainable(disagreements: int, p_value: float) -> float:
    """Return the largest p-value up to `p_value` that a test on so many disagreements can give; 0 if there is none."""
    lost = np.arange(1, disagreements + 1)
    tails = betainc(lost, disagreements - lost + 1, 0.5)
    below = tails[tails <= p_value * (1 + RELEVANT)]
    return 1.0 if p_value >= 1.0 else float(below.max()) if below.size else 0.0


def margin_p_value(pairing: Pairing, margin: float) -> float:
    """Return the chance of so many losses, were the candidate exactly `margin` (in 0..1) worse.

    Given that the two disagree on m of n samples, a loss of s makes each a loss with chance (1 + n s / m) / 2.
    """
    m = pairing.lost + pairing.won
    allowed = pairing.n * margin
    if pairing.lost == 0 or m <= allowed:
        return 1.0
    return float(betainc(pairing.lost, pairing.won + 1, (1 + allowed / m) / 2))
