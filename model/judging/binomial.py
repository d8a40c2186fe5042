"""Binomial chances without scipy.stats, which takes a second of every start to load."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


def binomial_chances(n: int, hits: NDArray[np.int64], chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [chances, hits], how likely each number of hits in n is; each chance lies between 0 and 1."""
    ways = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    logs = ways + hits * np.log(chances)[:, None] + (n - hits) * np.log1p(-chances)[:, None]
    likely: NDArray[np.float64] = np.exp(logs)
    return likely
