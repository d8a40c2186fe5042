"""Upright by EXIF, else by XMP; bad or endless metadata costs no picture and no memory."""

import tracemalloc
import zlib

import numpy as np
import pytest

from model.pictures.orientation import exif_orientation, first_told, xmp_orientation
from model.pictures.png import reduce
from tests.support.images import exif, picture, png
from tests.support.kinds import raw_profile, xmp

RGB = np.asarray(picture(20, 20))
ZTXT = b"Raw profile type exif\0\0"


def test_the_first_that_tells_counts() -> None:
    assert first_told(None, 6, 3) == 6
    assert first_told(None, None) == 1


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_tells_eight(value: int) -> None:
    assert exif_orientation(exif(value)) == value
    assert exif_orientation(b"Exif\0\0" + exif(value, ">")) == value


def test_exif_that_says_nothing_lets_xmp_speak_and_a_wrong_value_does_not() -> None:
    assert exif_orientation(b"II*\0\x08\0\0\0\0\0") is None
    assert exif_orientation(b"junk") is None
    assert exif_orientation(exif(0)) == exif_orientation(exif(9)) == 1


@pytest.mark.parametrize(
    ("packet", "told"),
    [
        (xmp('="6"'), 6),
        (xmp("='8'"), 8),
        (xmp(' = "3"'), 3),
        (b"<tiff:Orientation>5</tiff:Orientation>", 5),
        (b"<tiff:Orientation> 5 </tiff:Orientation>", 5),
        (xmp('="9"'), 1),
        (b"<tiff:Make>6</tiff:Make>", None),
        (b"", None),
    ],
)
def test_xmp_tells_as_attribute_or_element(packet: bytes, told: int | None) -> None:
    assert xmp_orientation(packet) == told


def told_by(*chunks: tuple[bytes, bytes]) -> int:
    return reduce(png(RGB, 8, 2, list(chunks))).orientation


def test_of_a_png_exif_beats_texts_and_texts_beat_xmp() -> None:
    text = (b"zTXt", ZTXT + zlib.compress(raw_profile(exif(6))))
    packet = (b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0name\0" + xmp('="3"'))
    raw_packet = (b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(raw_profile(xmp('="4"'), "xmp")))
    assert told_by(packet, text, (b"eXIf", exif(8))) == 8
    assert told_by(packet, text) == 6
    assert told_by(packet) == 3
    assert told_by(raw_packet) == 4
    assert told_by((b"eXIf", exif(1)), text, packet) == 1


@pytest.mark.parametrize(
    "content",
    [ZTXT, ZTXT + b"junk", ZTXT + zlib.compress(b"\nexif\n8\nnot hex"), ZTXT + zlib.compress(b"1")[:4], b"", b"\0\0\0"],
)
@pytest.mark.parametrize("kind", [b"zTXt", b"tEXt", b"iTXt"])
def test_broken_texts_leave_the_picture_as_it_is(kind: bytes, content: bytes) -> None:
    assert told_by((kind, content)) == 1


def test_texts_that_unfold_to_gigabytes_take_a_megabyte_each_and_few_of_them() -> None:
    endless = (b"zTXt", ZTXT + zlib.compress(b"\nexif\n8\n" + b"0" * 100_000_000, 9))
    last = (b"zTXt", ZTXT + zlib.compress(raw_profile(exif(6))))
    data = png(RGB, 8, 2, [endless] * 20 + [last])
    tracemalloc.start()
    assert reduce(data).orientation == 1
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 10_000_000
