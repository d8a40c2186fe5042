from math import comb

import numpy as np
import pytest

from model.judging.paired import Pairing, detectable_points, harm_p_value, pair
from tests.support.answers import answers, paired


def test_pairs_sample_by_sample():
    assert pair(*paired(20, lost=3, won=5)) == Pairing(20, 3, 5)
    assert pair(*paired(20, 3, 5)).negative_flip_rate == 0.15
    assert pair(*paired(20, 3, 5)).disagreement == 0.4


def test_two_that_were_not_asked_the_same_are_not_compared():
    for other in (answers([True] * 9), answers([True] * 10, labels=[1] * 10)):
        with pytest.raises(ValueError, match="not asked the same"):
            pair(answers([True] * 10), other)


@pytest.mark.parametrize(("lost", "won"), [(5, 0), (0, 5), (8, 3), (40, 25), (1, 1)])
def test_p_value_is_exact_and_one_sided(lost, won):
    m = lost + won
    by_hand = sum(comb(m, k) for k in range(lost, m + 1)) / 2**m
    assert harm_p_value(Pairing(1000, lost, won)) == pytest.approx(by_hand, rel=1e-12)


def test_no_disagreement_is_no_evidence():
    assert harm_p_value(Pairing(1000, 0, 0)) == 1.0


def test_an_equal_candidate_is_called_worse_in_at_most_5_of_100_cases():
    rng = np.random.default_rng(0)
    lost = rng.binomial(60, 0.5, 20_000)
    values = np.array([harm_p_value(Pairing(1000, k, 60 - k)) for k in range(61)])
    assert (values[lost] <= 0.05).mean() <= 0.05


@pytest.mark.parametrize(("n", "disagreement"), [(800, 0.03), (1750, 0.06), (2850, 0.10), (4150, 0.15)])
def test_two_points_show_from_the_sizes_that_simulation_gave(n, disagreement):
    m = round(n * disagreement)
    assert detectable_points(Pairing(n, m // 2, m - m // 2), 0.05) == pytest.approx(2.0, abs=0.08)


def test_a_loss_of_the_detectable_points_is_caught_in_95_of_100_cases():
    n, disagreement = 2000, 0.08
    loss = detectable_points(Pairing(n, 80, 80), 0.05) / 100
    rng = np.random.default_rng(1)
    shares = [(disagreement + loss) / 2, (disagreement - loss) / 2, 1 - disagreement]
    drawn = rng.multinomial(n, shares, 3000)
    caught = [harm_p_value(Pairing(n, int(lost), int(won))) <= 0.05 for lost, won, _ in drawn]
    assert 0.93 <= np.mean(caught) <= 0.97


def test_agreeing_on_a_few_samples_proves_nothing():
    assert 25 < detectable_points(Pairing(30, 0, 0), 0.05) < 40
    assert detectable_points(Pairing(0, 0, 0), 0.05) == 100.0
    few, many = (detectable_points(Pairing(n, n // 100, n // 100), 0.05) for n in (300, 3000))
    assert many < few
