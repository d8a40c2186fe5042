"""What each protocol makes of the data."""

import numpy as np
import pytest

from tests.benchmarks.learning import protocols
from tests.support.streams import data


def bytes_of(stream):
    return sorted(bytes(one) for task in stream.tasks for one in task.train.pixels_NHWC)


@pytest.mark.parametrize(
    ("classes_n", "sizes"), [(10, [2] * 5), (7, [2, 2, 1, 1, 1]), (3, [1, 1, 1]), (12, [3, 3, 2, 2, 2])]
)
def test_split_shares_out_the_classes_as_evenly_as_can_be(tmp_path, classes_n, sizes):
    whole = data(tmp_path, classes_n=classes_n)
    stream = protocols.make("split", whole, 0)
    assert [len(task.classes) for task in stream.tasks] == sizes
    for task in stream.tasks:
        assert set(task.train.labels) == set(task.test.labels) == set(task.classes)
    assert stream.known(1).tolist() == list(range(sizes[0] + sizes[1]))


@pytest.mark.parametrize("name", ["split", "iid", "noise"])
def test_each_image_comes_once(tmp_path, name):
    whole = data(tmp_path)
    assert bytes_of(protocols.make(name, whole, 0)) == sorted(bytes(one) for one in whole.train.pixels_NHWC)


@pytest.mark.parametrize("name", protocols.PROTOCOLS)
def test_a_seed_is_a_stream(tmp_path, name):
    whole = data(tmp_path)
    first, again, other = (protocols.make(name, whole, seed) for seed in (3, 3, 4))
    flat = [[bytes(one) for task in stream.tasks for one in task.train.pixels_NHWC] for stream in (first, again, other)]
    assert flat[0] == flat[1]
    assert flat[0] != flat[2]
    labels = [np.concatenate([task.train.labels for task in stream.tasks]) for stream in (first, again)]
    assert (labels[0] == labels[1]).all()


def test_noise_gives_two_in_five_a_wrong_label_of_any_class_and_leaves_the_test_alone(tmp_path):
    whole = data(tmp_path, each=400)
    clean, noisy = protocols.make("split", whole, 0), protocols.make("noise", whole, 0)
    pairs = [(before.train.labels, after.train.labels) for before, after in zip(clean.tasks, noisy.tasks, strict=True)]
    wrong = np.concatenate([before != after for before, after in pairs])
    assert abs(wrong.mean() - 0.4) < 0.04
    shifts = np.concatenate([(after - before)[before != after] for before, after in pairs]) % 4
    assert np.bincount(shifts, minlength=4)[1:].min() > wrong.sum() / 4
    assert all((one.test.labels == two.test.labels).all() for one, two in zip(clean.tasks, noisy.tasks, strict=True))


def test_rotate_turns_training_and_test_images_of_a_task_alike(tmp_path):
    whole = data(tmp_path, size=16)
    stream = protocols.make("rotate", whole, 0)
    assert len(stream.tasks) == 5
    assert (stream.tasks[0].test.pixels_NHWC == whole.test.pixels_NHWC).all()
    for number, task in enumerate(stream.tasks):
        assert (task.test.pixels_NHWC == protocols.turned(whole.test, 15 * number).pixels_NHWC).all()
        for index in range(4):
            own, other = (
                one.pixels_NHWC[one.labels == index].astype(float).mean(axis=0) for one in (task.train, task.test)
            )
            assert np.abs(own - other).mean() < 15
    quarter = protocols.turned(whole.test, 90).pixels_NHWC
    assert (quarter == np.rot90(whole.test.pixels_NHWC, axes=(1, 2))).all()
    assert stream.images == len(whole.train)


def test_imbalance_falls_from_100_to_1_and_is_judged_by_class(tmp_path):
    whole = data(tmp_path, each=600)
    stream = protocols.make("imbalance", whole, 0)
    counts = sorted(np.bincount(np.concatenate([task.train.labels for task in stream.tasks])))
    assert stream.balanced
    assert counts[-1] == 600
    assert counts[0] == 6
