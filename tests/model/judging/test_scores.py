import numpy as np
import pytest

from model.judging.answers import Answers
from model.judging.prequential import prequential_accuracy
from model.judging.scores import ClassScore, score_classes

LABELS = np.array([0, 0, 2, 2, 2, 2, 5])
CANDIDATE = Answers(np.array([0, 1, 2, 2, 2, 0, 5]), LABELS)
CHAMPION = Answers(np.array([0, 0, 2, 0, 0, 0, 0]), LABELS)


def test_scores_each_class_that_is_there():
    assert score_classes(CANDIDATE, CHAMPION) == {
        0: ClassScore(2, 0.5, 1.0),
        2: ClassScore(4, 0.75, 0.25),
        5: ClassScore(1, 1.0, 0.0),
    }
    assert list(score_classes(CANDIDATE, CHAMPION)) == [0, 2, 5]


def test_without_a_champion():
    assert score_classes(CANDIDATE, None)[0] == ClassScore(2, 0.5, None)


def test_before_learning_counts_the_classes_that_are_known():
    assert prequential_accuracy(CHAMPION, 5) == pytest.approx(3 / 6)
    assert prequential_accuracy(CHAMPION, 1) == 1.0
    assert prequential_accuracy(Answers(np.array([0]), np.array([3])), 3) is None
