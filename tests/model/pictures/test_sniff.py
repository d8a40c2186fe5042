"""Format and size by the first bytes alone."""

import struct

import numpy as np
import pytest

from model.pictures import Format, sniff
from model.pictures.errors import Refusal, RefusedPicture
from tests.support.images import encode, exif, picture, png


def reason_of(data: bytes) -> Refusal:
    with pytest.raises(RefusedPicture) as caught:
        sniff(data)
    return caught.value.reason


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (1024, 5)])
@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("JPEG", {}, Format.JPEG),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + exif(6), "comment": b"\xff\xd8\xff\xc0"}, Format.JPEG),
        ("PNG", {}, Format.PNG),
        ("WEBP", {"quality": 80}, Format.WEBP),
        ("WEBP", {"lossless": True}, Format.WEBP),
        ("WEBP", {"quality": 80, "exif": exif(6)}, Format.WEBP),
    ],
)
def test_size_is_read_from_the_header(
    kind: str, options: dict[str, object], expected: Format, shape: tuple[int, int]
) -> None:
    assert sniff(encode(picture(*shape), kind, **options))[:3] == (expected, shape[1], shape[0])


def test_a_jpegs_header_tells_colour_and_orientation() -> None:
    assert sniff(encode(picture(), "JPEG", exif=b"Exif\0\0" + exif(5)))[3:5] == (False, 5)
    assert sniff(encode(picture().convert("L"), "JPEG"))[3:5] == (True, 1)


WRITTEN_BY_PILLOW = ("GIF", "BMP", "TIFF", "AVIF", "ICO", "JPEG2000", "PPM", "ICNS", "DDS", "QOI")
OTHERS = {
    **{kind: encode(picture(), kind) for kind in WRITTEN_BY_PILLOW},
    "HEIC": struct.pack(">I", 24) + b"ftypheic" + bytes(12),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG with prologue": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg width="1">',
    "JPEG XL": b"\xff\x0a" + bytes(20),
    "JPEG XL in a box": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20),
    "Photoshop": b"8BPS\0\1" + bytes(20),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_named_unsupported(kind: str) -> None:
    assert reason_of(OTHERS[kind]) is Refusal.UNSUPPORTED_FORMAT


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"hello, world",
        b'{"label": "cat"}',
        b"<!DOCTYPE html><html><body><svg width='1'></svg></body></html>",
        b"<?xml version='1.0'?><note/>",
        b"%PDF-1.7",
        b"PK\3\4" + bytes(30),
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(30),
        b"\0\0\0\x18ftypmp42" + bytes(20),
        b"BM and other words that begin so",
        b"P5 is not a picture by itself"[:2],
        bytes(1000),
    ],
)
def test_what_is_no_image_is_said_to_be_none(data: bytes) -> None:
    assert reason_of(data) is Refusal.NOT_AN_IMAGE


def test_sides_of_zero_are_undecodable() -> None:
    blank = png(np.zeros((1, 1, 1), int), 8, 0)
    assert reason_of(blank[:16] + bytes(4) + blank[20:]) is Refusal.UNDECODABLE
    assert reason_of(blank[:20] + bytes(4) + blank[24:]) is Refusal.UNDECODABLE
    jpeg = bytearray(encode(picture(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 7] = bytes(2)
    assert reason_of(bytes(jpeg)) is Refusal.UNDECODABLE
    webp = bytearray(encode(picture(), "WEBP"))
    webp[26:28] = bytes(2)
    assert reason_of(bytes(webp)) is Refusal.UNDECODABLE


@pytest.mark.parametrize(("at", "value"), [(1, 0xC3), (1, 0xC5), (1, 0xCF), (4, 12)])
def test_kinds_of_jpeg_that_nobody_shows_are_unsupported(at: int, value: int) -> None:
    jpeg = bytearray(encode(picture(), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + at] = value
    assert reason_of(bytes(jpeg)) is Refusal.UNSUPPORTED_FORMAT


def test_a_signature_mangled_in_transfer_is_a_damaged_png() -> None:
    assert reason_of(encode(picture(), "PNG").replace(b"\r\n", b"\n")) is Refusal.UNDECODABLE


@pytest.mark.parametrize(
    "body",
    [
        b"\xff" * 500_000,
        b"\xff\xe1\0\2" * 100_000,
        b"\xff\xe1\0\1" * 10,
        b"\xff\xe0\0\4ab\0\0\xff\xda",
        b"\xff\xda\0\2",
        b"\xff\xd0" * 1000,
        b"\xff\xc0\0\4\x08\0",
    ],
    ids=["fill", "segments", "short length", "garbage", "no frame", "restarts", "short frame"],
)
def test_a_jpeg_that_leads_nowhere_is_undecodable(body: bytes) -> None:
    assert reason_of(b"\xff\xd8" + body) is Refusal.UNDECODABLE


def test_what_stands_between_start_and_scan_is_limited() -> None:
    jpeg = encode(picture(), "JPEG")
    assert sniff(jpeg[:2] + b"\xff\xef\0\2" * 1900 + jpeg[2:]).width == 48
    assert reason_of(jpeg[:2] + b"\xff\xef\0\2" * 2000 + jpeg[2:]) is Refusal.UNDECODABLE


def test_a_jpeg_has_one_frame() -> None:
    jpeg = encode(picture(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    assert reason_of(jpeg[:frame] + jpeg[frame : frame + 19] + jpeg[frame:]) is Refusal.UNDECODABLE


def test_a_scan_that_ends_before_its_own_header_is_undecodable() -> None:
    jpeg = encode(picture(), "JPEG")
    scan = jpeg.index(b"\xff\xda")
    assert sniff(jpeg[: scan + 14]).width == 48
    assert reason_of(jpeg[: scan + 13]) is Refusal.UNDECODABLE


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_do_not_exist_are_upright(value: int) -> None:
    assert sniff(encode(picture(), "JPEG", exif=b"Exif\0\0" + exif(value))).orientation == 1


def test_fill_bytes_and_unknown_segments_are_passed_over() -> None:
    jpeg = encode(picture(), "JPEG")
    padded = jpeg[:2] + b"\xff\xff\xff\xef\0\5abc\xff" + jpeg[2:]
    assert sniff(padded)[:3] == (Format.JPEG, 48, 48)
