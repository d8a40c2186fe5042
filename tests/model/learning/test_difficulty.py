"""What the network gets wrong is replayed more often, and that follows what it has learnt since."""

import numpy as np
import pytest

from model.learning.difficulty import MEMORY, follow_errors, replay_weights
from model.learning.margins import Seen


def seen(wrong):
    """Return what was seen of samples, one row each, that the network got wrong or right."""
    margins = np.where(np.array(wrong, bool), -1.0, 1.0).astype(np.float32)
    return Seen(np.arange(len(wrong)), margins, np.zeros(len(wrong), np.int64))


def test_what_is_wrong_comes_more_often_and_what_is_right_still_comes():
    known, half, lost = replay_weights((0.0, 0.5, 1.0), 3)
    assert known < half < lost
    assert 0.25 < known / lost < 0.34


def test_a_class_that_was_never_seen_counts_as_unknown():
    assert replay_weights((0.2,), 3).tolist() == pytest.approx([0.3**0.5, 1.1**0.5, 1.1**0.5])


def test_a_class_begins_with_what_is_seen_of_it_first():
    labels = np.array([0, 0, 1, 1, 1, 1])
    errors = follow_errors((), seen([0, 1, 1, 0, 0, 0]), labels, 3)
    assert errors == (0.5, 0.25, 1.0)


def test_later_rounds_move_it_by_how_much_was_seen():
    half = MEMORY // 2
    labels = np.zeros(half, np.int64)
    (error, other) = follow_errors((1.0, 0.3), seen([0] * half), labels, 2)
    assert error == pytest.approx(0.5)
    assert other == 0.3, "nothing was seen of it"
    (gone, _) = follow_errors((1.0, 0.3), seen([0] * 3 * MEMORY), np.zeros(3 * MEMORY, np.int64), 2)
    assert gone == 0.0


def test_a_sample_seen_twice_counts_twice():
    twice = Seen(np.array([0, 1, 0]), np.array([-1, 1, -1], np.float32), np.zeros(3, np.int64))
    assert follow_errors((), twice, np.array([0, 0]), 1) == pytest.approx((2 / 3,))
