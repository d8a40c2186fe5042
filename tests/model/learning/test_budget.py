"""Replay is saved where a window lacks nothing, spent where it lacks classes, and in the mean what was configured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.learning.budget import LEAST, MOST, SAVED_WINDOWS, ReplayBudget
from model.learning.margins import Seen, first_error

WINDOW = 512
EVEN = np.full(10, WINDOW // 10)
TWO = np.array([0] * 8 + [256, 256])
STORED = np.full(10, 5_000)
RICH, POOR = 1e9, 0.0


def ratio(fresh, stored, *, saved, error, usual=WINDOW):
    return ReplayBudget(saved, error).ratio(fresh, stored, usual)


def test_a_window_that_lacks_nothing_of_what_is_known_well_gets_little():
    assert ratio(EVEN, STORED, saved=POOR, error=0.0) == LEAST
    assert ratio(EVEN, STORED, saved=POOR, error=0.075) == pytest.approx(0.5)


def test_what_is_not_known_well_gets_as_much_as_ever():
    for error in (0.15, 0.4, 1.0):
        assert ratio(EVEN, STORED, saved=POOR, error=error) == 1.0


def test_a_window_of_few_classes_gets_more_as_far_as_it_was_saved():
    rich = ratio(TWO, STORED, saved=WINDOW * 10, error=0.05)
    assert rich == pytest.approx(0.3 * 4, abs=0.05), "it lacks four times what it holds"
    assert ratio(TWO, STORED, saved=POOR, error=0.05) == 1.0
    assert ratio(TWO, STORED, saved=WINDOW / 10, error=0.05) == pytest.approx(1.1)


def test_a_window_of_one_class_of_a_thousand_is_not_trained_for_ever():
    one = np.array([512] + [0] * 999)
    assert ratio(one, np.full(1000, 50), saved=RICH, error=0.01) == MOST


def test_what_was_saved_has_a_limit_beyond_which_the_usual_is_replayed():
    assert ratio(EVEN, STORED, saved=SAVED_WINDOWS * WINDOW - 1, error=0.0) == LEAST
    assert ratio(EVEN, STORED, saved=SAVED_WINDOWS * WINDOW, error=0.0) == 1.0


def test_the_mean_error_follows_the_newest_and_begins_with_the_first():
    first = ReplayBudget().after(512, 512, 0.3)
    assert first.error == 0.3
    assert first.after(512, 512, 0.1).error == pytest.approx(0.2)


WINDOWS = st.tuples(st.lists(st.integers(0, 300), min_size=4, max_size=4), st.floats(0, 1))


@given(st.lists(WINDOWS, max_size=60), st.sampled_from([0.25, 1.0, 4.0]))
def test_over_any_stream_no_more_is_replayed_than_configured(windows, replay):
    budget, stored, all_usual, replayed = ReplayBudget(), np.full(4, 100), 0.0, 0.0
    for counts, error in windows:
        fresh = np.array(counts)
        usual = replay * int(fresh.sum())
        if not usual:
            continue
        more = budget.ratio(fresh, stored, usual)
        assert LEAST <= more <= MOST
        all_usual, replayed = all_usual + usual, replayed + more * usual
        budget, stored = budget.after(usual, more * usual, error), stored + fresh
        assert budget.saved == pytest.approx(all_usual - replayed, abs=1e-6 * max(1.0, all_usual))
    assert replayed <= all_usual * (1 + 1e-9)


def test_without_replay_there_is_nothing_to_share_out():
    assert ratio(EVEN, STORED, saved=POOR, error=0.0, usual=0.0) == 1.0


def test_the_first_error_is_of_fresh_samples_when_they_were_trained_on_first():
    rows = np.array([2, 0, 1, 3, 1, 0])
    margins = np.array([-1, -0.5, 0.5, -9, -1, 0.5], np.float32)
    assert first_error(Seen(rows, margins, np.zeros(6, np.int64)), 2) == 0.5
    assert first_error(Seen(rows, margins, np.zeros(6, np.int64)), 3) == pytest.approx(2 / 3)
