"""Reading data of any size and colour, and saying what is wrong with it."""

import zipfile

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


def test_a_test_part_that_lacks_the_larger_numbers_has_the_same_classes(tmp_path):
    data = read(tmp_path, train_labels=np.arange(120) % 12, test_labels=np.arange(40) % 10)
    assert (data.classes[0], data.classes[-1]) == ("00", "11")
    assert data.test.labels.tolist() == (np.arange(40) % 10).tolist()


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
        ({"train_labels": np.array(["ä".encode()] * 120)}, "train_labels has bytes that are not ASCII"),
        ({"test_labels": np.array(["", "a"] * 20)}, "test_labels has 20 empty names"),
        ({"train_labels": np.array([b"", b"a"] * 60)}, "train_labels has 60 empty names"),
        ({"train_labels": np.array([0, "a"] * 60, object)}, "of objects"),
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


def test_a_file_that_is_damaged_or_something_else_is_refused_and_pickles_are_not_advised(tmp_path):
    np.savez_compressed(tmp_path / "whole.npz", **arrays())
    whole = (tmp_path / "whole.npz").read_bytes()
    middle = len(whole) // 4
    np.save(tmp_path / "one.npy", arrays()["train_images"])
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as file:
        for name in arrays():
            file.writestr(name, b"no array")
    for content, said in [
        (whole[: len(whole) // 2], "damaged or not whole"),
        (whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 64]) + whole[middle + 64 :], "damaged"),
        (encrypted(whole), "damaged or not whole"),
        ((tmp_path / "one.npy").read_bytes(), "is no .npz"),
        (b"train_images: see the other file\n", "is no .npz"),
        (b"", "is no .npz"),
        ((tmp_path / "raw.zip").read_bytes(), "cannot be read as arrays"),
    ]:
        (tmp_path / "given").write_bytes(content)
        with pytest.raises(DataError, match=said) as caught:
            load(tmp_path / "given")
        assert "pickle" not in str(caught.value)


def encrypted(whole):
    """The same .npz with each entry of its directory marked as encrypted."""
    content = bytearray(whole)
    start = whole.find(b"PK\x01\x02")
    while start >= 0:
        content[start + 8] |= 1
        start = whole.find(b"PK\x01\x02", start + 1)
    return bytes(content)


def test_a_checksum_that_is_wrong_is_told(tmp_path):
    np.savez(tmp_path / "data.npz", **arrays())
    whole = bytearray((tmp_path / "data.npz").read_bytes())
    whole[1_000] ^= 1  # a pixel of the first array, which is not compressed
    (tmp_path / "data.npz").write_bytes(whole)
    with pytest.raises(DataError, match=r"damaged or not whole.*CRC"):
        load(tmp_path / "data.npz")


def test_so_few_images_that_classes_are_lost_is_told_as_such(tmp_path):
    np.savez(tmp_path / "data.npz", **arrays(classes_n=10, each=9))
    with pytest.raises(DataError, match=r"8 training images are too few: none is of .*use more"):
        load(tmp_path / "data.npz", images=8)
    assert len(load(tmp_path / "data.npz", images=80).train) == 80


def test_too_few_images_to_choose_on_are_refused(tmp_path):
    with pytest.raises(DataError, match="5 training images are too few to choose on; at least 6"):
        for_choosing(load_first(tmp_path, [0, 0, 1, 1, 1]), 100)
    alone = load_first(tmp_path, [0] * 5 + [1])
    refused = 0
    for seed in range(100, 130):
        try:
            assert set(for_choosing(alone, seed).train.labels) == {0, 1}
        except DataError as error:
            assert "none is left of 1" in str(error)
            refused += 1
    assert 0 < refused < 30


def load_first(folder, labels):
    """Data of these training labels alone."""
    return read(
        folder,
        train_images=np.zeros((len(labels), 8, 8), np.uint8),
        train_labels=np.array(labels),
        test_labels=np.arange(40) % 2,
    )


def test_choosing_never_sees_the_test_images(tmp_path):
    data = read(tmp_path)
    chosen = for_choosing(data, 100)
    assert len(chosen.train) + len(chosen.test) == len(data.train)
    both = np.concatenate([chosen.train.pixels_NHWC, chosen.test.pixels_NHWC]).reshape(len(data.train), -1)
    whole = data.train.pixels_NHWC.reshape(len(data.train), -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, whole))
    assert chosen.digest not in (data.digest, for_choosing(data, 101).digest)
