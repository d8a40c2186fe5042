"""Of what is alike one stays, and stands for the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.store.condensing import condense, thumbnails


def points(*rows: float) -> np.ndarray:
    return np.array(rows, np.float32)[:, None]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def ones(n: int) -> np.ndarray:
    return np.ones(n, np.int64)


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=30), st.data())
def test_nothing_that_goes_is_forgotten(values: list[float], data: st.DataObject):
    masses = np.array(data.draw(st.lists(st.integers(1, 100), min_size=len(values), max_size=len(values))), np.int64)
    n = data.draw(st.integers(0, len(values) - 1))
    before = masses.copy()
    after = condense(points(*values), masses, n, generator())
    assert (after == 0).sum() == n
    assert after.sum() == before.sum() == masses.sum()
    assert (after[after > 0] >= before[after > 0]).all()


def test_of_the_most_alike_one_stays_with_a_chance_that_goes_with_its_mass():
    stays = []
    for seed in range(400):
        masses = condense(points(0, 5, 5.1, 9), np.array([1, 1, 3, 1]), 1, generator(seed)).tolist()
        assert masses in ([1, 4, 0, 1], [1, 0, 4, 1])
        stays.append(masses[2] == 4)
    assert np.mean(stays) == pytest.approx(0.75, abs=0.07)


def test_those_that_stand_for_few_go_before_those_that_stand_for_many():
    masses = condense(points(0, 1, 10, 11), np.array([50, 50, 1, 2]), 1, generator())
    assert masses.tolist() in ([50, 50, 0, 3], [50, 50, 3, 0])


def test_every_shape_keeps_one_however_rare():
    rng = np.random.default_rng(0)
    crowd, rare = rng.normal(0, 0.1, (60, 4)), rng.normal(3, 0.1, (4, 4))
    masses = condense(np.concatenate([crowd, rare]).astype(np.float32), ones(64), 58, rng)
    assert (masses[:60] > 0).sum() == 5 and masses[:60].sum() == 60
    assert sorted(masses[60:].tolist()) == [0, 0, 0, 4]


def test_a_few_that_lie_apart_do_not_crowd_out_the_rest():
    # Of ten that stay; with Ward's squares the six strangers would all be among them.
    crowd_stays = []
    for seed in range(20):
        rng = generator(seed)
        crowd, strangers = rng.normal(0, 1, (60, 16)), rng.normal(0, 1, (6, 16)) * 6
        masses = condense(np.concatenate([crowd, strangers]).astype(np.float32), ones(66), 56, rng)
        crowd_stays.append((masses[:60] > 0).sum())
    assert np.mean(crowd_stays) > 5.5


def test_one_must_stay():
    with pytest.raises(ValueError, match="one must stand for them"):
        condense(points(1, 2), ones(2), 2, generator())


@pytest.mark.parametrize("size", [4, 8, 28, 30, 127])
def test_a_thumbnail_holds_the_means_of_its_fields(size: int):
    pixels = np.random.default_rng(size).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    side = min(8, size)
    fields = [[pixel for pixel in range(size) if pixel * side // size == field] for field in range(side)]
    rows = [[one[field][:, fields[0]].mean((0, 1)) for field in fields] for one in pixels]
    found = thumbnails(pixels).reshape(3, side, side, 3)
    assert found.dtype == np.uint8
    assert np.allclose(found[:, :, 0], rows, atol=0.51)
    assert np.allclose(found.mean(), pixels.mean(), atol=4)


def test_of_a_large_picture_some_pixels_are_enough():
    ramp = np.linspace(0, 255, 224)
    pixels = np.stack([ramp[:, None] + 0 * ramp, (ramp[:, None] + ramp) / 2, 0 * ramp[:, None] + ramp], axis=2)
    found = thumbnails(pixels.astype(np.uint8)[None]).reshape(8, 8, 3)
    means = pixels.reshape(8, 28, 8, 28, 3).mean((1, 3))
    assert np.abs(found - means).max() < 4
