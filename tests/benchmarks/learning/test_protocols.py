"""What each protocol makes of the data."""

import numpy as np
import pytest

from daemon.config.learning import Model
from tests.benchmarks.learning import protocols
from tests.benchmarks.learning.data import DataError, for_choosing, load
from tests.benchmarks.learning.metrics import never_learnt
from tests.benchmarks.learning.ours import Settings, fitting_window, run
from tests.support.streams import arrays, data


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
    stream = protocols.make("imbalance", data(tmp_path, each=2_500), 0)
    counts = counts_of(stream)
    assert stream.balanced
    assert counts[-1] == 2_500
    assert counts[0] == 25


def test_of_few_images_the_rarest_class_of_imbalance_keeps_enough_to_be_learnt(tmp_path):
    stream = protocols.make("imbalance", data(tmp_path, each=60), 0)
    assert counts_of(stream)[0] == 2 * Model().class_min_samples
    settings = Settings("model.network.mlp:grey_mlp", None, 1, 0, fitting_window(stream))
    assert never_learnt(stream, run(stream, settings).answers) == []


def test_imbalance_keeps_all_of_a_class_that_has_few_and_enough_of_the_others(tmp_path):
    given = arrays(each=60)
    kept = np.r_[0:12, 60:240]
    np.savez(tmp_path / "few.npz", **given | {name: given[name][kept] for name in ("train_images", "train_labels")})
    assert counts_of(protocols.make("imbalance", load(tmp_path / "few.npz"), 0)) == [12, 20, 20, 20]


def test_a_task_that_nothing_is_tested_by_is_refused(tmp_path):
    given = arrays()
    kept = given["test_labels"] != 2
    np.savez(tmp_path / "part.npz", **given | {name: given[name][kept] for name in ("test_images", "test_labels")})
    with pytest.raises(DataError, match=r"task 3 of split \(2\) has no test images"):
        protocols.make("split", load(tmp_path / "part.npz"), 0)
    few = for_choosing(data(tmp_path, each=6), 100)
    with pytest.raises(DataError, match="has no test images"):
        protocols.make("split", few, 0)


def counts_of(stream):
    return sorted(np.bincount(np.concatenate([task.train.labels for task in stream.tasks])).tolist())
