"""Exact unconditional comparison of two paired models: all of alpha is used, where McNemar's conditional test cannot.

Given how many samples two models disagree on, only a few p-values are possible: of a nominal 5 % the conditional test
uses 3 at 24 disagreements. Unconditionally the number of disagreements is random as well, and the chance of a
statistic as extreme as the observed one is taken at the share of disagreements that makes it largest (Suissa and
Shuster 1991). That share is looked for within its confidence interval, whose own error is added (Berger and Boos 1994).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from model.judging.binomial import binomial_chances
from model.judging.paired import Pairing

OUTSIDE = 1e-4
"""Chance that the share of disagreements lies outside of its interval; added to the p-value."""
SHARES = 25
"""Shares looked at within it; the chance is a smooth function of the share."""
DEVIATIONS = 7.0
"""Standard deviations of the number of disagreements beyond which it is left out: a chance of 1e-11."""
ROUNDING = 1e-9


def unconditional_p_value(pairing: Pairing) -> float:
    """Return the largest chance of a loss as extreme, by (lost - won) / sqrt(lost + won), were both equally good."""
    n, m = pairing.n, pairing.lost + pairing.won
    if pairing.lost <= pairing.won:
        return 1.0
    statistic = (pairing.lost - pairing.won) / np.sqrt(m)
    low, high = _interval(n, m)
    shares = np.linspace(low, high, SHARES)
    reach = DEVIATIONS * np.sqrt(n * shares * (1 - shares)) + DEVIATIONS**2
    first, last = max(1, int((n * shares - reach).min())), min(n, int((n * shares + reach).max()) + 1)
    numbers = np.arange(first, last + 1)
    tails = _tails(numbers, statistic)
    return min(1.0, float((binomial_chances(n, numbers, shares) @ tails).max()) + OUTSIDE)


def _interval(n: int, m: int) -> tuple[float, float]:
    """Return the exact confidence interval of the share of m in n (Clopper and Pearson 1934)."""
    high = float(betaincinv(m + 1, n - m, 1 - OUTSIDE / 2)) if m < n else 1.0
    return float(betaincinv(m, n - m + 1, OUTSIDE / 2)), min(high, 1 - ROUNDING)


def _tails(numbers: NDArray[np.int64], statistic: float) -> NDArray[np.float64]:
    """Return [numbers], the chance of so large a statistic at each number of disagreements, each won or lost alike."""
    lost = np.ceil((numbers + statistic * np.sqrt(numbers)) / 2 - ROUNDING).astype(np.int64)
    within = np.minimum(lost, numbers)
    tails: NDArray[np.float64] = np.where(lost <= numbers, betainc(within, numbers - within + 1, 0.5), 0.0)
    return tails
