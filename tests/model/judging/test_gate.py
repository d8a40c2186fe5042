import numpy as np
import pytest

from model.judging.answers import Answers
from model.judging.gate import Decision, GateOptions, gate
from model.judging.harm import WHOLE_SHARE
from tests.support.answers import answers, paired

HOLD = GateOptions(when_uncertain="hold")


def test_first_version_that_is_good_enough_is_promoted():
    verdict = gate(answers([True] * 40), None, GateOptions())
    assert verdict.decision is Decision.PROMOTED
    assert (verdict.p_value, verdict.detectable_points, verdict.champion_accuracy) == (None, None, None)
    assert (verdict.negative_flip_rate, verdict.candidate_accuracy, verdict.holdout) == (None, 1.0, 40)


@pytest.mark.parametrize("options", [GateOptions(), HOLD])
def test_first_version_that_is_not_is_held_whatever_uncertainty_means(options):
    verdict = gate(answers([True] * 20), None, options)
    assert verdict.decision is Decision.HELD
    assert "20 held out, 30 are needed" in verdict.reason
    assert gate(answers([]), None, options).candidate_accuracy is None


@pytest.mark.parametrize("options", [GateOptions(), HOLD])
def test_significantly_worse_is_harmful(options):
    verdict = gate(*paired(400, lost=30, won=10), options)
    assert verdict.decision is Decision.HARMFUL
    assert verdict.p_value < 0.05
    assert "10 won and 30 lost of 400 held out" in verdict.reason


def test_alpha_is_the_limit():
    candidate, champion = paired(400, lost=15, won=6)
    p_value = gate(candidate, champion, GateOptions()).p_value
    limit = p_value / WHOLE_SHARE
    assert gate(candidate, champion, GateOptions(alpha=limit)).decision is Decision.HARMFUL
    assert gate(candidate, champion, GateOptions(alpha=limit * 0.99)).decision is Decision.PROMOTED


def test_a_challenger_must_be_significantly_better():
    better, equal, worse = paired(400, lost=10, won=30), paired(400, lost=20, won=20), paired(400, lost=30, won=10)
    told = [gate(*one, GateOptions(), challenge=True) for one in (better, equal, worse)]
    assert [verdict.decision for verdict in told] == [Decision.PROMOTED, Decision.HELD, Decision.HELD]
    assert "significantly better than the champion: 30 won and 10 lost" in told[0].reason
    assert "not surely better" in told[1].reason
    assert "significantly worse" in told[2].reason, "harmful to the champion's place, and to nothing else"


def test_a_challenger_that_ruins_a_class_is_not_promoted_for_its_mean():
    labels = np.repeat([0, 1], 400)
    champion = Answers(np.where(np.arange(800) % 2, labels, 9), labels)
    candidate = Answers(np.where((labels == 0) | (np.arange(800) % 4 == 3), labels, 9), labels)
    verdict = gate(candidate, champion, GateOptions(), challenge=True)
    assert verdict.candidate_accuracy > verdict.champion_accuracy
    assert verdict.decision is Decision.HELD
    assert "on class 1" in verdict.reason


def test_equal_on_many_is_promoted_either_way():
    for options in (GateOptions(), HOLD):
        verdict = gate(*paired(4000, lost=40, won=40), options)
        assert verdict.decision is Decision.PROMOTED
        assert verdict.detectable_points < 2


def test_too_few_to_tell_is_what_the_operator_says():
    candidate, champion = paired(100, lost=2, won=3)
    held, published = gate(candidate, champion, HOLD), gate(candidate, champion, GateOptions())
    assert (held.decision, published.decision) == (Decision.HELD, Decision.PROMOTED)
    assert "would show for sure" in held.reason
    assert "would show for sure" in published.reason


def test_says_what_it_rests_on():
    verdict = gate(*paired(100, lost=2, won=3, both=85), GateOptions())
    assert verdict.candidate_accuracy == pytest.approx(0.88)
    assert verdict.champion_accuracy == pytest.approx(0.87)
    assert verdict.negative_flip_rate == pytest.approx(0.02)
    assert verdict.holdout == 100
    assert {label: score.n for label, score in verdict.per_class.items()} == {0: 50, 1: 50}


def test_unpaired_answers_are_refused():
    with pytest.raises(ValueError, match="not asked the same"):
        gate(answers([True] * 40), answers([True] * 41), GateOptions())


@pytest.mark.parametrize("challenge", [False, True])
def test_a_refusal_names_the_class(challenge):
    labels = np.repeat(np.arange(3), 400)
    champion = Answers(labels.copy(), labels)
    worse = labels.copy()
    worse[800:830] = 0  # thirty of the third class
    candidate = Answers(worse, labels)
    right = np.flatnonzero(labels == 0)[:200]
    champion.predicted[right] = 1  # so that it is not worse on the whole
    verdict = gate(candidate, champion, GateOptions(), challenge=challenge, classes=("cat", "dog", "frog"))
    assert "class 'frog'" in verdict.reason
