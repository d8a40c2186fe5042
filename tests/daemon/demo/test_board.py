from dataclasses import replace

import pytest

from daemon.demo.board import Board, Scores
from tests.support.demo import finished, measured


def test_scores_are_over_pictures_not_over_classes():
    scores = Scores({"0": (10, 10), "5": (0, 30)})
    assert scores.overall == 0.25
    assert scores.accuracy("0") == 1.0


def test_old_and_new_digits_are_told_apart():
    scores = measured(1, 1.0, 0.5).scores
    assert (scores.old, scores.new, scores.overall) == (1.0, 0.5, 0.75)


def test_all_is_idle_at_the_end():
    assert finished().idle


@pytest.mark.parametrize(
    "change",
    [
        {"sent": 1438},
        {"champion": 6},
        {"dead": {"empty": 2}},
        {"versions": ()},
        {"learner": {**finished().learner, "round": 7}},
        {"learner": {**finished().learner, "buffer": {"samples": 1}}},
    ],
)
def test_nothing_is_idle_while_anything_is_under_way(change):
    assert not replace(finished(), **change).idle


def test_counts_grow_and_versions_stand_in_order():
    board = Board()
    board.sent()
    board.spoilt("empty")
    board.dead("empty")
    board.dead("empty")
    board.measured(measured(2, 1, 1))
    board.measured(measured(1, 1, 0))
    board.measured(measured(2, 0.5, 0.5))
    view = board.view()
    assert (view.sent, dict(view.spoilt), dict(view.dead)) == (1, {"empty": 1}, {"empty": 2})
    assert [one.version for one in view.versions] == [1, 2]
    assert view.versions[1].scores.overall == 0.5
