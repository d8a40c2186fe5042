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
    assert not screen(window({}), RECENT, RECENT).suspect


def test_two_of_ten_classes_that_change_places_are_seen_although_the_total_is_within_the_margin():
    found = screen(window({0: 0, 1: 0}), RECENT, RECENT)
    alone = binom.cdf(344, 500, 0.86 - MARGIN)
    assert alone > SUSPECT_P, "the total alone would not show it"
    assert found.suspect


def test_all_a_little_worse_is_seen_in_the_total_although_in_no_class():
    found = screen(window(dict.fromkeys(range(10), 31)), RECENT, RECENT)
    assert 11 * binom.cdf(31, 50, 0.86 - MARGIN) > SUSPECT_P, "no class alone would show it"
    assert found.suspect


def test_a_class_that_is_a_little_worse_is_learnt():
    assert not screen(window({0: 30}), RECENT, RECENT).suspect


def test_the_chance_is_exact_and_shared_among_what_is_asked():
    found = screen({0: (50, 20)}, RECENT, RECENT)
    assert found.p_value == pytest.approx(2 * binom.cdf(20, 50, 0.86 - MARGIN), rel=1e-9)


def test_another_mix_of_classes_is_no_reason():
    recent = {0: (500, 495), 1: (500, 300)}
    assert not screen({0: (10, 10), 1: (490, 294)}, recent, recent).suspect


def test_a_class_of_which_little_is_known_is_not_asked():
    few = {0: (19, 19), 1: (500, 430)}
    assert not screen({0: (50, 0), 1: (50, 43)}, few, RECENT).suspect
    assert screen({0: (50, 0)}, few, RECENT).p_value == 1.0
    assert screen({0: (50, 0), 1: (450, 387)}, RECENT, few).label is None, "all are asked together only"


def test_a_class_that_the_champion_gave_away_itself_is_not_held_against_the_window():
    """A young model wins one class and loses another: what its forerunner knew says nothing of the window."""
    held_out = RECENT | {3: (40, 4)}
    assert screen(window({3: 5}), RECENT, RECENT).suspect
    assert not screen(window({3: 5}), RECENT, held_out).suspect
    assert screen(window({3: 5, 4: 0}), RECENT, held_out).suspect, "another class is asked all the same"


def test_a_window_in_a_world_that_has_changed_slowly_is_held_against_the_last_ones():
    """Held-out samples are of all times: the champion may know them better than what arrives now."""
    assert not screen(window({3: 20}), RECENT | {3: (500, 200)}, RECENT).suspect


def test_what_is_said_names_the_class():
    found = screen(window({3: 5}), RECENT, RECENT)
    assert found.told([f"c{label}" for label in range(10)]).startswith("10.0% right of 50 of class 'c3', where 86.0%")
    assert "of class" not in screen(window(dict.fromkeys(range(10), 31)), RECENT, RECENT).told([])


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
