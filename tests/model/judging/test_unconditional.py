"""The unconditional test holds its level at every share of disagreements, and uses more of it than McNemar's."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom

from model.judging.paired import Pairing, harm_p_value
from model.judging.unconditional import OUTSIDE, unconditional_p_value


def values(n, most):
    """Return the p-values of all outcomes with up to `most` lost and won, [lost, won]."""
    return np.array(
        [[unconditional_p_value(Pairing(n, lost, won)) for won in range(most + 1)] for lost in range(most + 1)]
    )


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.3])
def test_the_level_is_held_whatever_the_disagreement_is(share):
    n = 60
    p_values = values(n, n // 2)
    for alpha in (0.05, 0.01):
        refused = 0.0
        for m in range(1, n // 2 + 1):
            lost = np.arange(m + 1)
            chance = binom.pmf(m, n, share) * binom.pmf(lost, m, 0.5)
            refused += chance[p_values[lost, m - lost] <= alpha].sum()
        assert refused <= alpha


def test_it_finds_a_loss_more_often_than_the_conditional_test():
    rng = np.random.default_rng(0)
    lost, won = rng.multinomial(800, [0.025, 0.005, 0.97], 1500)[:, :2].T
    pairs = [Pairing(800, int(a), int(b)) for a, b in zip(lost, won, strict=True)]
    exact = np.mean([harm_p_value(one) <= 0.04 for one in pairs])
    unconditional = np.mean([unconditional_p_value(one) <= 0.04 for one in pairs])
    assert unconditional > exact + 0.01


def test_by_hand_for_two_samples():
    """Both lost: the statistic is as large only where both are; d^2 / 4 is largest where the two always disagree."""
    assert unconditional_p_value(Pairing(2, 2, 0)) == pytest.approx(0.25 + OUTSIDE, abs=1e-6)


def test_nothing_lost_or_as_much_won_tells_nothing():
    for one in (Pairing(100, 0, 0), Pairing(100, 5, 5), Pairing(100, 3, 9), Pairing(0, 0, 0)):
        assert unconditional_p_value(one) == 1.0


def test_it_falls_with_each_more_that_is_lost():
    found = [unconditional_p_value(Pairing(1000, lost, 20)) for lost in range(21, 80)]
    assert all(later < earlier for earlier, later in pairwise(found) if earlier > 2 * OUTSIDE)


@pytest.mark.parametrize(("n", "lost", "won"), [(4000, 4000, 0), (1, 1, 0), (100_000, 900, 700), (30, 29, 1)])
def test_extremes_give_a_chance(n, lost, won):
    assert 0 < unconditional_p_value(Pairing(n, lost, won)) <= 1
