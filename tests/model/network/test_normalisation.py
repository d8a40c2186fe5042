import numpy as np
import pytest

from model.network.normalisation import STD_MIN, normalisation_of


def test_is_mean_and_deviation_by_channel():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 3), dtype=np.uint8)
    found = normalisation_of([pixels])
    assert np.allclose(found.mean, (pixels / 255).mean(axis=(0, 1, 2)))
    assert np.allclose(found.std, (pixels / 255).std(axis=(0, 1, 2)))


def test_batching_and_order_make_no_difference_at_all():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6, 6, 3), dtype=np.uint8)
    assert normalisation_of([pixels]) == normalisation_of([pixels[13:], pixels[:5], pixels[5:13]])


def test_a_flat_channel_keeps_a_deviation():
    assert normalisation_of([np.zeros((2, 4, 4, 3), np.uint8)]).std == (STD_MIN,) * 3


def test_refuses_no_pixels():
    with pytest.raises(ValueError, match="no pixels"):
        normalisation_of([])
