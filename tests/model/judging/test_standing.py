import itertools

import numpy as np
import pytest

from model.judging.harm import Evidence, find_harm
from model.judging.paired import harm_p_value, pair
from model.judging.standing import Standing, stand, standing_p_value
from tests.support.answers import answers


def kind(rng, n, models, chances):
    """Return [models, n], right answers of models of one kind."""
    return rng.random((models, n)) < chances


def evidence(candidate, champion, standing):
    whole = pair(answers(candidate), answers(champion))
    return Evidence(whole, whole, {}, None, standing)


def test_with_one_other_it_is_mcnemars_test():
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 300)) < 0.7
    alone = stand(one, other, [])
    assert alone.models == 2
    assert standing_p_value(alone) == pytest.approx(harm_p_value(pair(answers(one), answers(other))))


def test_it_is_the_share_of_all_ways_to_choose_the_candidate():
    right = np.array([[0, 0, 1, 1, 0], [1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], bool)
    found = stand(right[0], right[1], [right[2]])
    assert found == Standing((0, 2, 2, 1), 1)
    ways = [sum(right[one, sample] for sample, one in enumerate(chosen) if sample != 2)
            for chosen in itertools.product(range(3), repeat=5)]  # fmt: skip
    assert standing_p_value(found) == pytest.approx(np.mean(np.array(ways) <= 1))


def test_a_candidate_of_the_same_kind_is_seldom_thought_worse():
    rng = np.random.default_rng(2)
    chances = rng.random(500)
    models = [kind(rng, 500, 4, chances) for _ in range(3000)]
    values = np.array([standing_p_value(stand(one[0], one[1], [*one[2:]])) for one in models])
    assert 0.035 < (values <= 0.05).mean() < 0.055


def test_predecessors_of_another_kind_are_left_out():
    champion = np.arange(1000) % 2 > 0
    near, far = champion.copy(), champion.copy()
    near[:40] ^= True
    far[:300] ^= True
    candidate = champion.copy()
    candidate[-40:] ^= True
    assert stand(candidate, champion, [near, far, near]).models == 4


def test_a_champion_that_has_learnt_is_not_held_to_be_lucky():
    champion = np.arange(1000) % 4 > 0
    before, candidate = champion.copy(), champion.copy()
    before[np.flatnonzero(champion)[:40]] = False
    candidate[np.flatnonzero(champion)[-40:]] = False
    assert stand(candidate, champion, [before]).models == 2


def test_luck_of_the_champion_is_not_held_against_a_candidate_and_harm_is():
    rng = np.random.default_rng(0)
    chances = np.full(2000, 0.5)
    chances[:1400] = 1.0
    before = [*kind(rng, 2000, 7, chances)]
    lucky = max((rng.random(2000) < chances for _ in range(20)), key=np.sum)
    usual = min((rng.random(2000) < chances for _ in range(9)), key=lambda one: abs(one.sum() - 1690))
    # An unlucky champion's predecessors would all be better: these are as good as it for all one can tell.
    standing = stand(usual, lucky, before)
    assert standing.models > 2
    assert "than the champion" in find_harm(evidence(usual, lucky, None), 0.05)
    assert find_harm(evidence(usual, lucky, standing), 0.05) == ""
    worse = usual & (rng.random(2000) < 0.95)
    assert "than the champion" in find_harm(evidence(worse, lucky, stand(worse, lucky, before)), 0.05)
