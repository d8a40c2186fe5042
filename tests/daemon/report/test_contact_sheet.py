import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from daemon.report.contact_sheet import GAP, TILE, Thumbnail, contact_sheet, fitting, letters, sheet_size


def thumbnails(n, label="cat", predicted=None, size=8):
    rng = np.random.default_rng(0)
    return [Thumbnail(rng.integers(0, 256, (size, size, 3)).astype(np.uint8), label, predicted) for _ in range(n)]


def drawn(some):
    return Image.open(io.BytesIO(contact_sheet(some)))


@pytest.mark.parametrize(("n", "across", "down"), [(1, 1, 1), (10, 10, 1), (11, 10, 2), (200, 10, 20), (333, 10, 20)])
def test_a_sheet_is_a_png_as_large_as_its_pictures_and_no_larger_than_200(n, across, down):
    picture = drawn(thumbnails(n))
    assert picture.format == "PNG"
    assert picture.size == (GAP + across * (TILE[0] + GAP), GAP + down * (TILE[1] + GAP))
    assert picture.size == sheet_size(min(n, 200))


def test_each_picture_stands_in_its_place_in_reading_order():
    some = thumbnails(12)
    sheet = np.asarray(drawn(some))
    for place in (0, 9, 10):
        left, top = GAP + place % 10 * (TILE[0] + GAP), GAP + place // 10 * (TILE[1] + GAP)
        assert (sheet[top : top + 96 : 12, left : left + 96 : 12] == some[place].pixels_HWC).all()


def test_label_and_prediction_are_written_below_and_a_wrong_one_in_red():
    def below(predicted):
        return np.asarray(drawn(thumbnails(1, predicted=predicted)))[GAP + 96 :].reshape(-1, 3).astype(int)

    def red(pixels):
        return int(((pixels[:, 0] - pixels[:, 1]) > 60).sum())

    unknown, right, wrong = below(None), below("cat"), below("dog")
    assert (unknown < 128).any(), "the label"
    assert (right < 128).sum() > (unknown < 128).sum()
    assert red(unknown) == red(right) == 0 and red(wrong) > 0


def test_a_long_label_is_cut_to_its_tile_and_any_script_is_drawn():
    font = letters()
    assert fitting("cat", font) == "cat"
    assert fitting("a\nb", font) == "a b"
    cut = fitting("x" * 500, font)
    assert cut.endswith("…") and font.getlength(cut) <= TILE[0]
    assert drawn(thumbnails(1, "Käfer 日本 \U0001f600", "жук")).size == sheet_size(1)


def test_a_sheet_without_pictures_is_refused():
    with pytest.raises(ValueError, match="needs a picture"):
        contact_sheet([])


def test_drawing_and_looking_load_neither_torch_nor_matplotlib():
    code = (
        "import sys, daemon.report.contact_sheet as sheet, model.store.viewing; sheet.letters();"
        "print(*({'torch', 'matplotlib'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
