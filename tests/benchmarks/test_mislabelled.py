"""The benchmark's own parts: what is flipped, and how a ranking is scored."""

import numpy as np

from tests.benchmarks.learning import protocols
from tests.benchmarks.mislabelled import find, flip, scored
from tests.support.streams import data


def test_the_share_is_flipped_to_other_classes_and_a_seed_is_a_result(tmp_path):
    stream = protocols.make("iid", data(tmp_path, each=500), 0)
    flipped, wrong = flip(stream, 0.1, 3)
    before, after = (np.concatenate([task.train.labels for task in one.tasks]) for one in (stream, flipped))
    assert ((before != after) == wrong).all()
    assert 0.07 < wrong.mean() < 0.13
    assert set(after[wrong]) == set(range(4))
    assert (flip(stream, 0.1, 3)[1] == wrong).all() and (flip(stream, 0.1, 4)[1] != wrong).any()


def test_a_ranking_is_scored_by_places_and_what_is_missing_counts_as_wrong():
    wrong = np.zeros(6_000, bool)
    wrong[:200] = True
    precision, recall = scored([*range(50), *range(1_000, 1_050)], wrong)
    assert precision == {100: 0.5, 500: 0.1, 1_000: 0.05}
    assert recall == 0.25


def test_flipped_labels_of_simple_pictures_are_found(tmp_path):
    found = find(data(tmp_path, each=500), 0, 0.1, 64)
    assert found.flipped > 140
    assert found.precision[100] > 0.9
    assert found.recall > 0.8
