"""What poison, drift and arrival are streamed, and that unfit data is told of."""

import sys

import numpy as np
import pytest

from tests.benchmarks import arrival, drift, poison
from tests.benchmarks.learning.data import DataError
from tests.benchmarks.streamed import load
from tests.support.streams import arrays

ALL = (arrival, drift, poison)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run one of them on a file of these arrays."""

    def run(benchmark, *more, **given):
        np.savez(tmp_path / "data.npz", **given)
        monkeypatch.setattr(sys, "argv", ["benchmark", "--data", str(tmp_path / "data.npz"), *more])
        return benchmark.main()

    return run


def large(classes_n, n=21_000):
    """Enough images of one pixel each for every one of them."""
    labels = (np.arange(n) % classes_n).astype(np.uint8)
    return {
        "train_images": np.zeros((n, 1, 1), np.uint8),
        "train_labels": labels,
        "test_images": np.zeros((40, 1, 1), np.uint8),
        "test_labels": labels[:40],
    }


def test_grey_and_colour_become_rgb_with_classes_numbered_from_0(tmp_path):
    for channels in (0, 3):
        given = arrays(channels=channels)
        np.savez(tmp_path / "data.npz", **given | {"train_labels": given["train_labels"] * 5 + 3,
                                                   "test_labels": given["test_labels"] * 5 + 3})  # fmt: skip
        train, test = load(tmp_path / "data.npz", 120)
        assert train.pixels_NHWC.shape == (120, 8, 8, 3)
        assert (train.pixels_NHWC[..., 1] == given["train_images"].reshape(120, 8, 8, -1)[..., channels // 2]).all()
        assert train.labels.tolist() == given["train_labels"].tolist()
        assert test.labels.tolist() == given["test_labels"].tolist()


@pytest.mark.parametrize("benchmark", ALL)
def test_a_missing_array_few_images_and_a_single_class_are_told_of(start, capsys, benchmark):
    assert start(benchmark, train_images=np.zeros((4, 8, 8), np.uint8)) == 1
    assert "has no train_labels" in capsys.readouterr().err
    assert start(benchmark, **arrays()) == 1
    assert "has 120 training images; " in capsys.readouterr().err
    assert start(benchmark, **large(1)) == 1
    assert "at least two are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "changes", "said"),
    [
        ("7", {}, "there is no class 7: the data has classes 0 to 3"),
        ("1", large(2), "three are needed"),
        ("1", {"test_labels": np.zeros(40, np.uint8)}, "no test images of class 1"),
        ("0", {"train_labels": np.r_[np.zeros(20_000), np.arange(1_000) % 3].astype(np.uint8)}, "6144 are needed"),
    ],
)
def test_a_class_that_cannot_arrive_is_told_of(start, capsys, given, changes, said):
    assert start(arrival, "--classes", given, **large(4) | changes | {"test_labels": changes.get(
        "test_labels", large(2)["test_labels"])}) == 1  # fmt: skip
    assert said in capsys.readouterr().err


def test_classes_that_are_no_numbers_are_refused(start):
    with pytest.raises(SystemExit) as left:
        start(arrival, "--classes", "4,coat", **arrays())
    assert left.value.code == 2


def test_more_images_than_there_are_is_an_error(tmp_path):
    np.savez(tmp_path / "data.npz", **arrays())
    with pytest.raises(DataError, match="has 120 training images; 121 are needed"):
        load(tmp_path / "data.npz", 121)
