import numpy as np
import pytest
from scipy.stats import binom

from model.judging.first_version import lower_bound, why_not_first
from tests.support.answers import answers


def first(right, n, labels=None):
    return why_not_first(answers(np.arange(n) < right, labels), 30)


def test_good_enough():
    assert first(30, 40) == ""


def test_too_few_held_out():
    assert "29 held out, 30 are needed" in first(29, 29)
    assert first(30, 30) == ""


def test_one_class_is_none():
    assert "2 classes" in first(40, 40, labels=[1] * 40)


def test_no_better_than_the_commonest_class():
    labels = [0] * 30 + [1] * 10
    assert "commonest class gets 75.0%" in first(33, 40, labels)
    assert first(38, 40, labels) == ""


def test_nothing_held_out():
    assert "0 held out" in first(0, 0)


@pytest.mark.parametrize(("right", "n"), [(25, 40), (1, 30), (399, 400)])
def test_bound_is_exact(right, n):
    bound = lower_bound(right, n)
    assert binom.sf(right - 1, n, bound) == pytest.approx(0.05, rel=1e-6)


def test_bound_at_the_ends():
    assert lower_bound(0, 30) == 0.0
    assert lower_bound(30, 30) == pytest.approx(0.05 ** (1 / 30))
