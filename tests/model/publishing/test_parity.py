"""Parity compares probabilities and their logarithms; nothing that is not a number passes."""

import numpy as np
import pytest

from model.publishing.errors import ParityError, RuntimeRefusalError
from model.publishing.parity import check, images, predict


def logs(probabilities):
    return np.log(np.array(probabilities, dtype=np.float64))


def test_equal_answers_pass():
    found = check(logs([[0.25, 0.75]]), np.array([[0.25, 0.75]], dtype=np.float32))
    assert found.probability_error < 1e-7 and found.log_error < 1e-6


def test_a_difference_that_probabilities_hide_shows_in_logarithms():
    with pytest.raises(ParityError) as caught:
        check(logs([[1 - 1e-6, 1e-6]]), np.array([[1 - 2e-6, 2e-6]], dtype=np.float32))
    assert caught.value.probability_error < 1e-4 < 1e-3 < caught.value.log_error
    assert "log-probabilities by 0.69" in str(caught.value)


def test_a_difference_of_probabilities_is_named():
    with pytest.raises(ParityError, match=r"probabilities by 0\.0003"):
        check(logs([[0.5, 0.5]]), np.array([[0.5003, 0.4997]], dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_does_not_pass(value):
    with pytest.raises(ParityError):
        check(logs([[0.5, 0.5]]), np.array([[value, 0.5]], dtype=np.float32))


def test_a_probability_too_small_for_float32_passes():
    check(np.array([[0.0, -200.0]]), np.array([[1.0, 0.0]], dtype=np.float32))


def test_another_shape_is_refused():
    with pytest.raises(RuntimeRefusalError):
        check(logs([[0.5, 0.5]]), np.zeros((1, 3), dtype=np.float32))


def test_images_are_planes_in_0_to_1():
    pixels = np.zeros((2, 4, 5, 3), dtype=np.uint8)
    pixels[0, 1, 2, 1] = 255
    batch = images(pixels)
    assert batch.shape == (2, 3, 4, 5) and batch.dtype == np.float32
    assert batch[0, 1, 1, 2] == 1.0 and batch.sum() == 1.0


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(RuntimeRefusalError):
        predict(tmp_path / "model.onnx", np.zeros((1, 3, 8, 8), dtype=np.float32), threads=1)
