"""A colour set of a grey one: the shape stays, and colour says nothing of the class."""

import numpy as np
import pytest

from tests.benchmarks.learning.coloured import CONTRAST, coloured, main
from tests.benchmarks.learning.data import load


def test_each_picture_has_two_colours_that_differ():
    grey = np.zeros((500, 4, 4), np.uint8)
    grey[:, :2] = 255
    found = coloured(grey, np.random.default_rng(0)).astype(int)
    assert (found[:, :2] == found[:, :1, :1]).all() and (found[:, 2:] == found[:, 3:, :1]).all()
    assert np.abs(found[:, 0, 0] - found[:, 3, 0]).max(axis=1).min() >= CONTRAST
    assert len(np.unique(found[:, 0, 0], axis=0)) > 490


def test_a_file_becomes_one_that_can_be_measured_on(tmp_path):
    rng = np.random.default_rng(1)
    grey, out = tmp_path / "grey.npz", tmp_path / "coloured.npz"
    arrays = {f"{part}_images": rng.integers(0, 256, (40, 8, 8), np.uint8) for part in ("train", "test")}
    labels = {f"{part}_labels": np.arange(40) % 4 for part in ("train", "test")}
    np.savez(grey, **arrays, **labels)
    assert main(["--data", str(grey), "--out", str(out)]) == 0
    data = load(out)
    assert not data.grey and data.size == 8 and len(data.classes) == 4
    again = tmp_path / "again.npz"
    main(["--data", str(grey), "--out", str(again)])
    assert load(again).digest == data.digest
    with pytest.raises(SystemExit):
        main(["--data", str(out), "--out", str(again)])
