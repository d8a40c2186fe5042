"""Which windows are unlike those before, and which are not: over all, by class, and with another mix of classes."""

import numpy as np
import pytest
from scipy.stats import binom

from model.judging.answers import Answers
from model.judging.screen import MARGIN, SUSPECT_P, class_counts, contradicted, has_learnt, screen

RECENT = dict.fromkeys(range(10), (500, 430))
"""86 % right of each of ten classes."""


def window(right, n=50):
    return {label: (n, right.get(label, 43)) for label in range(10)}


def test_a_window_like_those_before_is_not_suspect():
    assert not screen(window({}), RECENT).suspect


def test_two_of_ten_classes_that_change_places_are_seen_although_the_total_is_within_the_margin():
    found = screen(window({0: 0, 1: 0}), RECENT)
    alone = binom.cdf(344, 500, 0.86 - MARGIN)
    assert found.right / found.n == pytest.approx(0.688)
    assert alone > SUSPECT_P, "the total alone would not show it"
    assert found.suspect


def test_all_a_little_worse_is_seen_in_the_total_although_in_no_class():
    found = screen(window(dict.fromkeys(range(10), 31)), RECENT)
    assert 11 * binom.cdf(31, 50, 0.86 - MARGIN) > SUSPECT_P, "no class alone would show it"
    assert found.suspect


def test_a_class_that_is_a_little_worse_is_learnt():
    assert not screen(window({0: 30}), RECENT).suspect


def test_the_chance_is_exact_and_shared_among_what_is_asked():
    found = screen({0: (50, 20)}, RECENT)
    assert found.p_value == pytest.approx(2 * binom.cdf(20, 50, 0.86 - MARGIN), rel=1e-9)


def test_another_mix_of_classes_is_no_reason():
    recent = {0: (500, 495), 1: (500, 300)}
    assert not screen({0: (10, 10), 1: (490, 294)}, recent).suspect


def test_a_class_of_which_little_is_known_is_not_asked():
    assert not screen({0: (50, 0), 1: (50, 43)}, {0: (19, 19), 1: (500, 430)}).suspect
    assert screen({0: (50, 0)}, {0: (19, 19)}).p_value == 1.0


def test_counts_leave_out_classes_that_the_champion_does_not_know():
    answers = Answers(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 2]))
    assert class_counts(answers, 2) == {0: (2, 1), 1: (1, 1)}


def test_what_was_learnt_must_beat_the_champion_and_the_commonest_label():
    labels = np.repeat([0, 1], 50)
    right, wrong, one = Answers(labels, labels), Answers(1 - labels, labels), Answers(np.zeros(100, np.int64), labels)
    assert has_learnt(right, wrong)
    assert not has_learnt(right, right)
    assert not has_learnt(one, wrong), "to say always the same is no knowledge"


def test_a_class_is_contradicted_where_most_of_it_became_one_other():
    labels = np.repeat([0, 1, 2], 30)
    before = Answers(labels, labels)
    swapped = np.where(labels == 0, 1, np.where(labels == 1, 0, 2))
    assert contradicted(Answers(swapped, labels), before) == (0, 1)
    scattered = np.where(labels == 0, np.arange(90) % 3, labels)
    assert contradicted(Answers(scattered, labels), before) == (), "worse, but nothing has become something else"
