import numpy as np
import pytest

from model.judging.answers import Answers
from model.judging.overfit import gap_between
from model.judging.scores import ClassScore


def answers(*pairs):
    """Answers from (label, right, wrong)."""
    labels = np.concatenate([np.full(right + wrong, label) for label, right, wrong in pairs])
    predicted = np.concatenate([[*[label] * right, *[-1] * wrong] for label, right, wrong in pairs])
    return Answers(predicted.astype(np.int64), labels.astype(np.int64))


def test_each_class_counts_the_same_on_both_sides():
    trained = answers((0, 10, 0), (1, 60, 40))
    gap = gap_between(trained, {0: ClassScore(300, 0.9, None), 1: ClassScore(3, 0.5, 0.6)})
    assert (gap.train, gap.holdout) == pytest.approx((0.8, 0.7))
    assert gap.size == pytest.approx(0.1)


def test_a_class_that_one_side_lacks_does_not_count():
    trained = answers((0, 8, 2), (2, 0, 10))
    gap = gap_between(trained, {0: ClassScore(5, 0.9, None), 1: ClassScore(5, 0.0, None)})
    assert gap.size == pytest.approx(-0.1)


@pytest.mark.parametrize("held_out", [{}, {1: ClassScore(9, 1.0, None)}, {0: ClassScore(0, 1.0, None)}])
def test_nothing_in_common_says_nothing(held_out):
    assert gap_between(answers((0, 3, 0)), held_out) is None
