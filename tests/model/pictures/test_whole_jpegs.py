"""Whole JPEGs that a strict decoder refuses are read, and to the pixel; damage that looks alike is still refused."""

import re

import numpy as np
import pytest
from PIL import Image

from model.pictures import ImageDecoder, Refusal, RefusedPicture, sniff
from tests.support.images import QUARTERS, encode, picture, quarters
from tests.support.jpegs import jpeg, ycc

SIZE = 32
DECODER = ImageDecoder(SIZE, 10_000_000, 10_000_000)
PLAIN = {
    "baseline": encode(picture(90, 110), "JPEG", quality=90),
    "optimised": encode(picture(90, 110), "JPEG", quality=90, optimize=True),
    "progressive": encode(picture(90, 110), "JPEG", quality=90, progressive=True),
    "restarts": encode(picture(90, 110), "JPEG", quality=90, restart_marker_blocks=3),
    "grey": encode(picture(90, 110).convert("L"), "JPEG", quality=90),
    "apart": jpeg(ycc(picture(90, 110)), [(2, 2), (1, 1), (1, 1)], apart=True),
}
UNUSUAL = {
    "4:1:0": [(4, 2), (1, 1), (1, 1)],
    "3x1": [(3, 1), (1, 1), (1, 1)],
    "1x3": [(1, 3), (1, 1), (1, 1)],
    "2x2,2x1,1x1": [(2, 2), (2, 1), (1, 1)],
    "2x2,1x1,2x1": [(2, 2), (1, 1), (2, 1)],
    "4x1,2x1,1x1": [(4, 1), (2, 1), (1, 1)],
    "chroma finer": [(1, 1), (2, 1), (1, 1)],
    "2x4": [(2, 4), (1, 1), (1, 1)],
    "2x3": [(2, 3), (1, 1), (1, 1)],
}


def reason(data: bytes) -> Refusal:
    with pytest.raises(RefusedPicture) as caught:
        DECODER.decode(data)
    return caught.value.reason


@pytest.mark.parametrize("form", PLAIN)
def test_zeros_before_the_end_marker_change_nothing(form: str) -> None:
    data = PLAIN[form]
    whole = DECODER.decode(data)
    for zeros in (*range(1, 65), 512, 4096):
        assert DECODER.decode(data[:-2] + bytes(zeros) + data[-2:]) == whole, zeros
    assert DECODER.decode(data[:-2] + bytes(20) + b"\xff\xff\xff\xd9" + b"more") == whole


@pytest.mark.parametrize("behind", [b"\1" * 16, bytes(15) + b"\1", bytes(5000)])
def test_anything_else_before_the_end_marker_is_damage(behind: bytes) -> None:
    data = PLAIN["baseline"]
    assert reason(data[:-2] + behind + data[-2:]) is Refusal.UNDECODABLE


@pytest.mark.parametrize("lost", [20, 60, 200])
def test_an_end_marker_does_not_make_a_cut_picture_whole(lost: int) -> None:
    rough = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(rough), "JPEG", quality=90)
    assert reason(data[: -2 - lost] + b"\xff\xd9") is Refusal.UNDECODABLE


@pytest.mark.parametrize("form", PLAIN)
@pytest.mark.parametrize("behind", [b"\xff\xda" * 101, b"\xff\xda\0\x08" * 5000, b"ftypmp42" + bytes(500)])
def test_what_stands_behind_the_end_is_no_scan(form: str, behind: bytes) -> None:
    assert DECODER.decode(PLAIN[form] + behind) == DECODER.decode(PLAIN[form])


def test_scans_are_counted_up_to_the_end_alone() -> None:
    data = PLAIN["progressive"]
    comment = b"\xff\xfe\x00\xce" + b"\xff\xda" * 102
    last = data.rindex(b"\xff\xda")
    assert sniff(data[:last] + comment + data[last:] + data).scans == sniff(data).scans == 10
    assert DECODER.decode(data[:last] + comment + data[last:] + data) == DECODER.decode(data)


def scan_parameters(data: bytes, parameters: bytes) -> bytes:
    at = data.index(b"\xff\xda")
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[: end - 3] + parameters + data[end:]


@pytest.mark.parametrize("parameters", [b"\0\0\0", b"\0\x3f\x11", b"\1\x3e\0"])
def test_scan_parameters_that_nobody_uses_do_no_harm(parameters: bytes) -> None:
    for form in ("baseline", "restarts", "grey", "apart"):
        assert DECODER.decode(scan_parameters(PLAIN[form], parameters)) == DECODER.decode(PLAIN[form])


def test_revisions_and_transforms_that_no_standard_knows_do_no_harm() -> None:
    data = PLAIN["baseline"]
    whole = DECODER.decode(data)
    for revision in (b"\2\1", b"\0\x09"):
        assert DECODER.decode(data.replace(b"JFIF\0\1\1", b"JFIF\0" + revision)) == whole
    stored, factors = ycc(picture(90, 110)), [(1, 1)] * 3
    assert DECODER.decode(jpeg(stored, factors, adobe=7)) == DECODER.decode(jpeg(stored, factors, adobe=1))
    ink, four = 255 - np.asarray(picture(90, 110).convert("CMYK")), [(1, 1)] * 4
    assert DECODER.decode(jpeg(ink, four, adobe=9)) == DECODER.decode(jpeg(ink, four, adobe=2))


def test_all_of_it_at_once_is_still_a_whole_picture() -> None:
    data = scan_parameters(PLAIN["baseline"], b"\0\0\0").replace(b"JFIF\0\1\1", b"JFIF\0\2\1")
    assert DECODER.decode(data[:-2] + bytes(40) + data[-2:]) == DECODER.decode(PLAIN["baseline"])


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("restart", [0, 2])
@pytest.mark.parametrize("form", UNUSUAL)
def test_any_sampling_factors_show_the_picture(form: str, restart: int, apart: bool) -> None:
    data = jpeg(ycc(picture(90, 110)), UNUSUAL[form], apart=apart, restart=restart)
    seen = quarters(DECODER.decode(data), SIZE).astype(int)
    assert np.abs(seen - QUARTERS).max() <= 8


@pytest.mark.parametrize("adobe", [0, 2])
@pytest.mark.parametrize("factors", [[(3, 1), (1, 1), (1, 1), (3, 1)], [(2, 2), (1, 1), (1, 1), (1, 1)]])
def test_four_components_of_any_sampling_factors_show_the_picture(factors: list[tuple[int, int]], adobe: int) -> None:
    ink = 255 - np.asarray(picture(90, 110).convert("CMYK"))
    usual = [(1, 1)] * 4
    seen = quarters(DECODER.decode(jpeg(ink, factors, adobe=adobe)), SIZE).astype(int)
    expected = quarters(DECODER.decode(jpeg(ink, usual, adobe=adobe)), SIZE).astype(int)
    assert np.abs(seen - expected).max() <= 3


@pytest.mark.parametrize("form", UNUSUAL)
def test_of_any_sampling_factors_a_cut_is_found_and_padding_is_none(form: str) -> None:
    data = jpeg(ycc(picture(90, 110)), UNUSUAL[form], step=1)
    whole = DECODER.decode(data)
    assert DECODER.decode(data[:-2] + bytes(40) + data[-2:]) == whole
    assert DECODER.decode(data + b"\xff\xda" * 200) == whole
    for lost in (1, 2, 30, len(data) // 3):
        assert reason(data[:-lost]) is Refusal.UNDECODABLE
        if lost > 4:
            assert reason(data[:-lost] + b"\xff\xd9") is Refusal.UNDECODABLE


def test_a_restart_that_comes_too_early_is_found_in_any_sampling_factors() -> None:
    data = jpeg(ycc(picture(90, 110)), UNUSUAL["4:1:0"], step=1, restart=2)
    first = re.search(rb"\xff\xd0", data)
    assert first is not None
    assert reason(data[: first.start() - 20] + data[first.start() :]) is Refusal.UNDECODABLE


def test_a_picture_of_two_components_is_refused() -> None:
    assert reason(jpeg(np.zeros((8, 8, 2)), [(1, 1), (1, 1)])) is Refusal.UNDECODABLE
