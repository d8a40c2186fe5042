"""What a person expects to see is what the model gets."""

import warnings
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model.pictures import ImageDecoder, decode
from model.pictures.errors import Refusal, RefusedPicture
from tests.support.images import FORMS, QUARTERS, encode, exif, picture, png, quarters

SIZE = 32
DECODER = ImageDecoder(SIZE, max_bytes=1_000_000, max_pixels=1_000_000)


def reason_of(data: bytes, decoder: ImageDecoder = DECODER) -> Refusal:
    with pytest.raises(RefusedPicture) as caught:
        decoder.decode(data)
    return caught.value.reason


def colours(data: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = DECODER.decode(data)
    assert len(pixels) == SIZE * SIZE * 3
    return quarters(pixels, SIZE).astype(int)


def assert_close(seen: np.ndarray, expected: object, within: int = 8) -> None:
    assert np.abs(seen - np.asarray(expected, int)).max() <= within, seen


@pytest.mark.parametrize("form", FORMS)
def test_every_form_shows_the_picture(form: str) -> None:
    assert_close(colours(FORMS[form]()), QUARTERS)


GREYS = np.array([[0, 85], [170, 255]])


def grey_samples(bits: int) -> np.ndarray:
    return np.repeat(np.repeat(GREYS * (2**bits - 1) // 255, 20, 0), 20, 1)[:, :, None]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_grey_of_every_depth_keeps_its_tones(bits: int, interlaced: bool) -> None:
    seen = colours(png(grey_samples(bits), bits, 0, interlaced=interlaced))
    assert_close(seen, np.repeat(GREYS[:, :, None], 3, 2), within=1)


def test_one_bit_is_black_and_white() -> None:
    samples = (grey_samples(8) > 128).astype(int)
    assert_close(colours(png(samples, 1, 0)), [[[0] * 3] * 2, [[255] * 3] * 2], within=0)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_grey_picture_has_three_equal_channels(kind: str) -> None:
    seen = colours(encode(picture().convert("L"), kind, quality=95))
    assert_close(seen, np.repeat(np.asarray(picture(2, 2).convert("L"))[:, :, None], 3, 2))
    assert np.ptp(seen, axis=2).max() <= 3


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_grey_that_stands_for_transparent_is_white(bits: int) -> None:
    """The darkest quarter is keyed; the others stay as they are."""
    samples = grey_samples(bits) if bits > 1 else (grey_samples(8) > 0).astype(int)
    seen = colours(png(samples, bits, 0, [(b"tRNS", b"\0\0")]))
    assert_close(seen[0, 0], [255] * 3, within=0)
    if bits > 1:
        assert_close(seen[0, 1], [85] * 3, within=1)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_key_other_than_black_is_compared_in_the_depth_of_the_file(bits: int) -> None:
    samples = grey_samples(bits)
    key = int(samples[25, 5, 0])
    seen = colours(png(samples, bits, 0, [(b"tRNS", key.to_bytes(2, "big"))]))
    assert_close(seen[:, :, 0], [[0, 85], [255, 255]], within=1)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_colour_that_stands_for_transparent_is_white(bits: int) -> None:
    samples = np.asarray(picture()).astype(np.uint16) * (257 if bits == 16 else 1)
    key = b"".join(int(sample).to_bytes(2, "big") for sample in samples[0, 0])
    seen = colours(png(samples, bits, 2, [(b"tRNS", key)]))
    assert_close(seen[0, 0], [255] * 3, within=0)
    assert_close(seen[1], QUARTERS[1])


def test_a_colour_that_differs_from_the_transparent_one_in_its_last_bit_is_none() -> None:
    samples = np.full((40, 40, 3), 0x8040, np.uint16)
    samples[:20, :, 1] += 1
    seen = colours(png(samples, 16, 2, [(b"tRNS", b"\x80\x40" * 3)], interlaced=True))
    assert_close(seen[0], [[0x80] * 3] * 2, within=0)
    assert_close(seen[1], [[255] * 3] * 2, within=0)


def test_transparent_palette_entries_are_white() -> None:
    indices = np.repeat(np.repeat(np.array([[0, 1], [2, 3]]), 20, 0), 20, 1)[:, :, None]
    palette = (b"PLTE", QUARTERS.reshape(-1, 3).tobytes())
    one = colours(png(indices, 8, 3, [palette, (b"tRNS", b"\xff\x00")]))
    assert_close(one, [[QUARTERS[0, 0], [255] * 3], QUARTERS[1]], within=1)
    graded = colours(png(indices, 8, 3, [palette, (b"tRNS", b"\x80\x00\xff\xff")]))
    assert_close(graded, [[(QUARTERS[0, 0] + 255.0) / 2, [255] * 3], QUARTERS[1]], within=2)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("colour", [4, 6])
def test_transparency_is_laid_over_white(bits: int, colour: int) -> None:
    """The hidden colour of transparent pixels must not show, not even at the edges that the resize makes."""
    most = 2**bits - 1
    samples = np.zeros((70, 70, 2 if colour == 4 else 4), np.uint16)
    samples[:, 35:, -1] = most
    samples[:35, :35, -1] = most // 2
    pixels = np.frombuffer(DECODER.decode(png(samples, bits, colour)), np.uint8).reshape(SIZE, SIZE, 3)
    assert_close(quarters(pixels.tobytes(), SIZE)[:, :, 0].astype(int), [[128, 0], [255, 0]], within=2)
    samples[:, :, :-1] = most
    white = np.frombuffer(DECODER.decode(png(samples, bits, colour)), np.uint8)
    assert white.min() >= 254


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 95}])
def test_transparent_webp_is_laid_over_white(options: dict[str, object]) -> None:
    image = picture().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 24, 24))
    assert_close(colours(encode(image, "WEBP", **options)), [[[255] * 3, QUARTERS[0, 1]], QUARTERS[1]], within=10)


UPRIGHT = {
    1: QUARTERS,
    2: QUARTERS[:, ::-1],
    3: QUARTERS[::-1, ::-1],
    4: QUARTERS[::-1],
    5: QUARTERS.transpose(1, 0, 2),
    6: QUARTERS[::-1].transpose(1, 0, 2),
    7: QUARTERS[::-1, ::-1].transpose(1, 0, 2),
    8: QUARTERS[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_stand_upright(kind: str, orientation: int, order: str) -> None:
    tiff = exif(orientation, order)
    data = encode(picture(60, 40), kind, exif=b"Exif\0\0" + tiff if kind == "JPEG" else tiff, quality=95)
    assert tiff in data
    assert_close(colours(data), UPRIGHT[orientation])


def test_exif_behind_a_chunk_of_odd_length_counts() -> None:
    data = encode(picture(), "WEBP", quality=95, exif=exif(3), icc_profile=b"odd")
    assert data[30:38] == b"ICCP\3\0\0\0"
    assert_close(colours(data), UPRIGHT[3])


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    data = encode(picture(), "PNG")
    at = data.index(b"IEND") - 4
    tail = encode(picture(), "PNG", exif=exif(3))
    begin = tail.index(b"eXIf") - 4
    moved = data[:at] + tail[begin : begin + 12 + len(exif(3))] + data[at:]
    assert_close(colours(moved), UPRIGHT[3])


@pytest.mark.parametrize("broken", [b"", b"II*\0", exif(9), exif(0), exif(6)[:12], b"II*\0\xff\xff\xff\xff", b"junk"])
def test_broken_exif_leaves_the_picture_as_it_is(broken: bytes) -> None:
    assert_close(colours(encode(picture(), "JPEG", quality=95, exif=b"Exif\0\0" + broken)), QUARTERS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("shape", [(32, 32), (45, 80), (7, 200), (300, 411), (1, 1)])
def test_the_resize_is_pillows_bilinear_of_the_whole_picture(kind: str, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(noise).resize((SIZE, SIZE), Image.Resampling.BILINEAR)).astype(int)
    seen = np.frombuffer(DECODER.decode(encode(Image.fromarray(noise), kind, lossless=True)), np.uint8)
    within = 0 if max(shape) < 8 * SIZE else 4
    assert_close(seen.reshape(SIZE, SIZE, 3), expected, within)


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (32, 32), (33, 65), (64, 64), (193, 199), (386, 999), (777, 775)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_decoded_small_looks_like_one_decoded_in_full(mode: str, shape: tuple[int, int]) -> None:
    rough = Image.fromarray(np.random.default_rng(3).integers(0, 256, (20, 20, 3), dtype=np.uint8))
    data = encode(rough.resize(shape[::-1], Image.Resampling.BICUBIC).convert(mode), "JPEG", quality=95)
    with Image.open(BytesIO(data)) as full:
        expected = np.asarray(full.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)).astype(int)
    seen = np.frombuffer(DECODER.decode(data), np.uint8).reshape(SIZE, SIZE, 3)
    assert_close(seen, expected, within=6)
    assert np.abs(seen - expected).mean() < 1.3


def test_limits_are_checked_in_order() -> None:
    data = encode(picture(), "PNG")
    assert reason_of(b"") is Refusal.EMPTY
    assert reason_of(b"x" * 1_000_001) is Refusal.TOO_LARGE
    exact = ImageDecoder(SIZE, max_bytes=len(data), max_pixels=48 * 48)
    assert len(exact.decode(data)) == SIZE * SIZE * 3
    assert reason_of(data, ImageDecoder(SIZE, len(data) - 1, 48 * 48)) is Refusal.TOO_LARGE
    assert reason_of(data, ImageDecoder(SIZE, len(data), 48 * 48 - 1)) is Refusal.TOO_MANY_PIXELS


@pytest.mark.parametrize("limits", [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_impossible_limits_are_refused(limits: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        ImageDecoder(*limits)


def huge_headers() -> dict[str, bytes]:
    jpeg = bytearray(encode(picture(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    blank = png(np.zeros((1, 1, 1), int), 8, 0)
    wide = blank[:16] + b"\x7f\xff\xff\xff" * 2 + blank[24:]
    webp = bytearray(encode(picture().convert("RGBA"), "WEBP", exif=exif(1)))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\xff\x0f\xff\xff\x0f"
    lossless = bytearray(encode(picture(), "WEBP", lossless=True))
    lossless[21:25] = b"\xff\xff\xff\x0f"
    return {"jpeg": bytes(jpeg), "png": wide, "webp": bytes(webp), "lossless webp": bytes(lossless)}


@pytest.mark.parametrize("form", huge_headers())
def test_a_huge_picture_is_refused_before_a_decoder_sees_it(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def called(*_: object, **__: object) -> None:
        raise AssertionError("decoder called")

    monkeypatch.setattr(decode.jpeg_pixels.simplejpeg, "decode_jpeg", called)
    monkeypatch.setattr(decode, "PngImageFile", called)
    monkeypatch.setattr(decode, "WebPAnimDecoder", called)
    assert reason_of(huge_headers()[form]) is Refusal.TOO_MANY_PIXELS


def test_pillow_has_no_limit_of_its_own() -> None:
    assert Image.MAX_IMAGE_PIXELS is None
