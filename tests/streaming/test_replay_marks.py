"""What was sent again, as an offset and a word."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.replay_marks import Marks, ScatteredError, marks_of


@given(st.integers(0, 2**40), st.sets(st.integers(0, 5_000), max_size=300))
def test_what_is_written_down_is_read_back(low, above):
    marks = Marks(low, {low + one for one in above})
    assert marks_of(low, marks.word("id"), "id") == marks


def test_the_marks_of_another_topic_or_of_someone_else_do_not_count():
    word = Marks(7, {9}).word("id")
    for found in (word.replace("id", "other", 1), "", "id ???", "id AAAA", "tidemill"):
        assert marks_of(7, found, "id").above == set()
    assert marks_of(7, word, "another") == Marks()


def test_any_pattern_of_twenty_thousand_can_be_written_down_and_what_cannot_is_refused():
    draw = random.Random(0)
    word = Marks(0, {one for one in range(20_000) if draw.random() < 0.5}).word("x" * 36)
    assert len(word) <= 4_000
    with pytest.raises(ScatteredError):
        Marks(0, {one for one in range(60_000) if draw.random() < 0.5}).word("x" * 36)
    with pytest.raises(ScatteredError):
        Marks(0, {100_000_000}).word("x" * 36)


def test_long_runs_take_little_room():
    assert len(Marks(0, set(range(1, 1_000_000))).word("x" * 36)) < 3_000
