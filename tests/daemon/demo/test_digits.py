import io
from collections import Counter
from itertools import islice

import numpy as np
from PIL import Image

from daemon.demo.digits import Digit, load_split, shifted


def test_a_fifth_of_each_digit_is_kept_back_and_never_streamed():
    split = load_split(0)
    assert len(split.stream) + len(split.test) == 1797
    assert len(split.test) == 360
    assert not {digit.number for digit in split.stream} & {digit.number for digit in split.test}
    assert all(33 <= count <= 39 for count in Counter(digit.label for digit in split.test).values())


def test_the_split_follows_from_the_seed():
    assert [digit.number for digit in load_split(3).stream] == [digit.number for digit in load_split(3).stream]
    assert [digit.number for digit in load_split(3).stream] != [digit.number for digit in load_split(4).stream]


def test_the_png_holds_the_pixels():
    digit = load_split(0).stream[0]
    with Image.open(io.BytesIO(digit.png())) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), digit.pixels_HW)
    assert digit.pixels_HW.max() > 200


def test_shifted_digits_keep_their_label_and_are_new_pictures():
    digits = load_split(0).stream[:20]
    known = {digit.pixels_HW.tobytes() for digit in digits}
    label = {digit.number: digit.label for digit in digits}
    again = list(islice(shifted(digits, 0), 60))
    assert len({digit.pixels_HW.tobytes() for digit in again} - known) == 60
    assert all(digit.label == label[digit.number] for digit in again)


def test_a_shift_moves_by_a_pixel_at_most():
    pixels = np.zeros((8, 8), np.uint8)
    pixels[4, 4] = 200
    for digit in islice(shifted([Digit(0, "1", pixels)], 0), 30):
        row, column = np.unravel_index(digit.pixels_HW.argmax(), (8, 8))
        assert abs(int(row) - 4) <= 1
        assert abs(int(column) - 4) <= 1
