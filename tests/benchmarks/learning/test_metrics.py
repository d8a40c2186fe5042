"""Accuracy and forgetting by hand."""

import numpy as np
import pytest

from tests.benchmarks.learning.data import Split
from tests.benchmarks.learning.metrics import Answers, accuracy, figures, never_learnt
from tests.benchmarks.learning.protocols import Stream, Task


def answers_of(predicted, classes_n=4):
    """Logits that are highest at `predicted`, and second highest at class 0."""
    logits = np.zeros((len(predicted), classes_n), np.float32)
    logits[:, 0] = 1
    logits[np.arange(len(predicted)), predicted] = 2
    return logits


def stream(*labels, balanced=False):
    tasks = []
    for own in labels:
        split = Split(np.zeros((len(own), 2, 2, 1), np.uint8), np.array(own))
        tasks.append(Task(split, split, np.unique(own)))
    return Stream(tuple(tasks), ("a", "b", "c", "d"), balanced)


def test_accuracy_counts_right_answers_or_the_mean_over_classes():
    labels = np.array([0, 0, 0, 1])
    assert accuracy(answers_of([0, 0, 0, 0]), labels) == 0.75
    assert accuracy(answers_of([0, 0, 0, 0]), labels, balanced=True) == 0.5


def test_final_is_over_all_tasks_and_anytime_the_mean_of_their_ends():
    two = stream([0, 0, 1, 1], [2, 2])
    after = [[answers_of([0, 0, 1, 0])], [answers_of([0, 0, 1, 1]), answers_of([2, 0])]]
    result = figures(two, Answers(after))
    assert result.final_accuracy == pytest.approx(5 / 6)
    assert result.anytime_accuracy == pytest.approx((3 / 4 + 5 / 6) / 2)


def test_to_choose_from_more_classes_is_no_forgetting():
    two = stream([0, 0, 0, 0], [2, 2])
    # Later, one image of class 0 is taken for the new class 2; between old classes it would still be right.
    after = [[answers_of([0, 0, 0, 0])], [answers_of([0, 0, 0, 2]), answers_of([2, 2])]]
    result = figures(two, Answers(after))
    assert result.forgetting == 0
    assert result.forgetting_all_classes == 0.25


def test_to_confuse_old_classes_that_were_told_apart_is_forgetting():
    two = stream([0, 0, 1, 1], [2, 2])
    after = [[answers_of([0, 0, 1, 1])], [answers_of([0, 0, 0, 1]), answers_of([2, 2])]]
    result = figures(two, Answers(after))
    assert result.forgetting == result.forgetting_all_classes == 0.25


def test_the_best_moment_counts_and_the_last_task_cannot_be_forgotten():
    three = stream([0, 0, 1, 1], [2, 2], [3, 3])
    bad, good = answers_of([0, 0, 0, 0]), answers_of([0, 0, 1, 1])
    after = [[bad], [good, answers_of([2, 2])], [bad, answers_of([2, 2]), answers_of([0, 0])]]
    assert figures(three, Answers(after)).forgetting == pytest.approx((0.5 + 0) / 2)


def test_a_class_is_never_learnt_where_the_last_model_has_no_answer_for_it():
    two = stream([0, 0], [2, 2])
    first, last = answers_of([0, 0]), answers_of([2, 2])
    first[:, 1:] = -np.inf
    last[:, [1, 3]] = -np.inf
    assert never_learnt(two, Answers([[first], [last, last]])) == ["b", "d"]
    assert never_learnt(two, Answers([[first], [last, answers_of([2, 2])]])) == []
