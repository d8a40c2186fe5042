"""Exact paired comparison of two models on the same samples (McNemar 1947, exact and one-sided)."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import betainc

from model.judging.answers import Answers

POWER = 0.95
"""Chance with which a loss of `detectable_points` would be caught."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Samples by who answers them right."""

    n: int
    lost: int
    """Champion right, candidate wrong: the negative flips."""
    won: int
    """Candidate right, champion wrong."""

    @property
    def disagreement(self) -> float:
        """Share of samples that exactly one of the two has right."""
        return (self.lost + self.won) / self.n if self.n else 0.0

    @property
    def negative_flip_rate(self) -> float | None:
        """Share of samples that the champion has right and the candidate has wrong (Yan 2021); None without any."""
        return self.lost / self.n if self.n else None


def pair(candidate: Answers, champion: Answers) -> Pairing:
    """Pair the two models' answers. Raises ValueError when they were not asked the same."""
    if len(candidate.labels) != len(champion.labels) or (candidate.labels != champion.labels).any():
        raise ValueError("candidate and champion were not asked the same samples")
    lost = int((champion.correct & ~candidate.correct).sum())
    won = int((candidate.correct & ~champion.correct).sum())
    return Pairing(len(candidate.labels), lost, won)


def harm_p_value(pairing: Pairing) -> float:
    """Return the chance of at least so many losses among the disagreements, were both models equally good.

    One-sided exact McNemar: P(X >= lost), X ~ Binomial(lost + won, 1/2). 1 where they never disagree.
    """
    # The binomial tail as an incomplete beta function (DLMF 8.17.5): loading scipy.stats takes a second of every start.
    return float(betainc(pairing.lost, pairing.won + 1, 0.5)) if pairing.lost else 1.0


def detectable_points(pairing: Pairing, alpha: float) -> float:
    """Return the loss, in points of accuracy, that the test would catch with 95 % power; at most 100.

    With n samples and a share d of disagreements, a loss of s (in 0..1) is caught when
    n s = z_alpha sqrt(n d) + z_power sqrt(n (d - s^2)): the normal approximation of McNemar's test (Connor 1987). A
    loss of s makes at least a share s of disagreements, so d is the observed share or s, whichever is more. It gives
    2 points at 800, 1,750, 2,850, 4,150 samples for d = 3, 6, 10, 15 %, as simulation does.
    """
    if pairing.n == 0:
        return 100.0
    low, high = 0.0, 1.0
    for _ in range(50):  # bisection: what is caught grows with the loss
        middle = (low + high) / 2
        low, high = (low, middle) if _caught(middle, pairing, alpha) else (middle, high)
    return 100.0 * high


def _caught(loss: float, pairing: Pairing, alpha: float) -> bool:
    share = max(pairing.disagreement, loss)
    z = NormalDist().inv_cdf
    noise = z(1 - alpha) * math.sqrt(share) + z(POWER) * math.sqrt(share - loss**2)
    return math.sqrt(pairing.n) * loss >= noise
