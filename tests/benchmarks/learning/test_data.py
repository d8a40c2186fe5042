"""Reading data of any size and colour, and saying what is wrong with it."""

import numpy as np
import pytest

from tests.benchmarks.learning.data import DataError, for_choosing, load
from tests.support.streams import arrays


def read(folder, **changes):
    np.savez(folder / "data.npz", **{**arrays(), **changes})
    return load(folder / "data.npz")


def test_grey_pictures_keep_one_channel_and_are_stored_with_three(tmp_path):
    data = read(tmp_path)
    assert data.grey
    assert data.size == 8
    stored = data.train.rgb(np.array([3, 5]))
    assert stored.shape == (2, 8, 8, 3)
    assert (stored == data.train.pixels_NHWC[[3, 5]]).all()


def test_colour_and_numbers_as_columns_are_read(tmp_path):
    given = arrays(channels=3)
    given |= {name: given[name][:, None].astype(np.int64) for name in ("train_labels", "test_labels")}
    data = read(tmp_path, **given)
    assert not data.grey
    assert data.train.labels.tolist() == given["train_labels"][:, 0].tolist()


def test_pictures_that_are_not_square_are_squeezed_into_one(tmp_path):
    given = arrays()
    wide = {name: np.repeat(given[name], 3, axis=2) for name in ("train_images", "test_images")}
    data = read(tmp_path, **wide)
    assert data.size == 8
    assert np.abs(data.test.pixels_NHWC[..., 0].astype(int) - given["test_images"]).mean() < 15


def test_large_pictures_are_resized_as_the_daemon_does_unless_told_otherwise(tmp_path):
    given = {
        name: np.zeros((120 if "train" in name else 40, 80, 80), np.uint8) for name in arrays() if "images" in name
    }
    assert read(tmp_path, **given).size == 64
    assert load(tmp_path / "data.npz", size=16).size == 16


def test_classes_sort_as_numbers_whatever_they_are(tmp_path):
    given = arrays()
    renamed = {name: given[name].astype(np.int64) * 7 + 3 for name in ("train_labels", "test_labels")}
    data = read(tmp_path, **renamed)
    assert data.classes == ("03", "10", "17", "24")
    assert data.train.labels.tolist() == given["train_labels"].tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_images": arrays()["train_images"] / 255}, "not uint8"),
        ({"train_images": np.zeros((120, 8, 8, 4), np.uint8)}, "shape"),
        ({"train_images": np.zeros((0, 8, 8), np.uint8)}, "empty"),
        ({"train_labels": arrays()["train_labels"][:-1]}, "119 entries for 120 images"),
        ({"train_labels": arrays()["train_labels"].astype(float)}, "whole numbers or names"),
        ({"train_labels": np.zeros(120, np.uint8), "test_labels": np.zeros(40, np.uint8)}, "at least two"),
        ({"test_labels": np.full(40, 9, np.uint8)}, "train_labels lacks: 9"),
        ({"test_images": np.zeros((40, 9, 9), np.uint8)}, "differ"),
    ],
)
def test_what_cannot_be_measured_on_is_refused_with_the_reason(tmp_path, changes, said):
    with pytest.raises(DataError, match=said):
        read(tmp_path, **changes)


def test_a_file_that_is_missing_or_lacks_arrays_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / "none.npz")
    np.savez(tmp_path / "part.npz", train_images=arrays()["train_images"])
    with pytest.raises(DataError, match="has no train_labels, test_images, test_labels"):
        load(tmp_path / "part.npz")


def test_choosing_never_sees_the_test_images(tmp_path):
    data = read(tmp_path)
    chosen = for_choosing(data, 100)
    assert len(chosen.train) + len(chosen.test) == len(data.train)
    both = np.concatenate([chosen.train.pixels_NHWC, chosen.test.pixels_NHWC]).reshape(len(data.train), -1)
    whole = data.train.pixels_NHWC.reshape(len(data.train), -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))
    assert chosen.digest not in (data.digest, for_choosing(data, 101).digest)
