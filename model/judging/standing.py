"""How a candidate stands among the champion and those before it, so that the champion's luck is not held against it.

The champion was chosen on the very samples that it defends itself on: those that were unlucky there were refused. After
some hundred rounds on one holdout it is a little better there than it is. The champions before it, when they are as
good for all one can tell, say how much of that is luck.

Were a candidate of the same kind as k others, each of the k + 1 would be as likely to be the one among them that has a
sample right or wrong (Cochran 1950): of the samples that s of them have right, the candidate has as many as a binomial
of chance s / (k + 1). The sum over all s is exact; with one other it is McNemar's test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.judging.binomial import binomial_chances
from model.judging.paired import Pairing, harm_p_value

ALIKE = 1.4
"""A predecessor that differs from the champion more than so many times as much as the candidate is of another kind."""
LEAD_ALPHA = 0.07
"""A champion that is better than a predecessor at this level was not lucky, but has learnt."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Samples by how many models have them right: the candidate, the champion, and its predecessors."""

    right: tuple[int, ...]
    """[models + 1], samples that so many of the models have right, from none to all."""
    candidate: int
    """Of those that some have right and some wrong: how many the candidate has right."""

    @property
    def models(self) -> int:
        """How many models were compared."""
        return len(self.right) - 1

    @property
    def predecessors(self) -> int:
        """How many of them came before the champion."""
        return self.models - 2


def stand(
    candidate: NDArray[np.bool_], champion: NDArray[np.bool_], predecessors: Sequence[NDArray[np.bool_]]
) -> Standing:
    """Compare the models' right answers, [n] each, with those predecessors that are of the champion's kind."""
    limit = ALIKE * int((candidate != champion).sum())
    alike = [one for one in predecessors if int((one != champion).sum()) <= limit and not _learnt(champion, one)]
    every = np.stack([candidate, champion, *alike])
    counts = every.sum(axis=0)
    mixed = (counts > 0) & (counts < len(every))
    right = np.bincount(counts, minlength=len(every) + 1)
    return Standing(tuple(int(count) for count in right), int((candidate & mixed).sum()))


def standing_p_value(standing: Standing) -> float:
    """Return the chance that the candidate had so few right, were it of the same kind as the others."""
    chances = np.ones(1)
    for number, samples in enumerate(standing.right[1:-1], 1):
        chance = np.array([number / standing.models])
        chances = np.convolve(chances, binomial_chances(samples, np.arange(samples + 1), chance)[0])
    return min(1.0, float(chances[: standing.candidate + 1].sum()))


def _learnt(champion: NDArray[np.bool_], before: NDArray[np.bool_]) -> bool:
    won, lost = int((champion & ~before).sum()), int((before & ~champion).sum())
    return harm_p_value(Pairing(len(champion), lost=won, won=lost)) <= LEAD_ALPHA
