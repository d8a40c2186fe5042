"""`prepare` takes files, bytes and arrays, and never prepares another way than was learnt."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.pictures import INPUT, Refusal, RefusedPicture, prepare
from model.publishing.manifest import InputSpec
from tests.support.images import encode, picture, png

SIZE = 16
FILE = encode(picture(60, 80), "PNG")
SEEN = prepare(FILE, SIZE)


def test_paths_bytes_and_arrays_are_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(FILE)
    pixels = np.asarray(picture(60, 80))
    assert (SEEN.shape, SEEN.dtype) == ((1, 3, SIZE, SIZE), np.float32)
    for image in (str(path), path, bytearray(FILE), memoryview(FILE), pixels, pixels[:, ::-1][:, ::-1], pixels[None]):
        assert np.array_equal(prepare(image, SIZE), SEEN)
    together = prepare([path, FILE, pixels, np.stack([pixels, pixels])], SIZE)
    assert np.array_equal(together, np.repeat(SEEN, 5, 0))
    assert prepare([], SIZE).shape == (0, 3, SIZE, SIZE)
    assert together.flags.c_contiguous


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pixels_of_every_mode_are_what_a_file_of_them_is(mode: str) -> None:
    image = picture(60, 80).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((80, 60)))
    pixels = np.asarray(image.convert(mode))
    assert np.array_equal(prepare(pixels, SIZE), prepare(encode(image.convert(mode), "PNG"), SIZE))


def test_sixteen_bits_keep_their_upper_half_in_arrays_too() -> None:
    samples = np.random.default_rng(0).integers(0, 65_536, (40, 40, 3)).astype(np.uint16)
    for channels, colour in ((1, 0), (3, 2)):
        part = samples[..., :channels]
        assert np.array_equal(prepare(part, SIZE), prepare(png(part, 16, colour), SIZE))
    assert np.array_equal(prepare(samples[..., 0], SIZE), prepare(samples[..., :1], SIZE))


def test_opaque_pictures_are_the_same_with_and_without_opacity() -> None:
    rng = np.random.default_rng(0)
    for shape in ((40, 50), (100, 333), (16, 16), (600, 777)):
        pixels = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        opaque = np.dstack((pixels, np.full(shape, 255, np.uint8)))
        for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
            plain, with_opacity = (encode(Image.fromarray(one), kind, **options) for one in (pixels, opaque))
            assert np.array_equal(prepare(plain, SIZE), prepare(with_opacity, SIZE)), (shape, kind)


@pytest.mark.parametrize(
    "spec",
    [
        SIZE,
        np.int64(SIZE),
        {"height": SIZE, "width": SIZE, "resize": "bilinear-antialias"},
        {"height": SIZE, "width": SIZE, **INPUT, "later": "key"},
        InputSpec(SIZE, SIZE),
        InputSpec(SIZE, SIZE, **INPUT),
    ],
)
def test_the_input_is_a_side_or_what_a_manifest_says(spec: object) -> None:
    assert np.array_equal(prepare(FILE, spec), SEEN)


@pytest.mark.parametrize("key", INPUT)
def test_an_input_of_another_kind_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=rf"input.{key} is 'other'; this version of tidemill prepares '.+' alone"):
        prepare(FILE, {"height": SIZE, "width": SIZE, **INPUT, key: "other"})


@pytest.mark.parametrize("spec", [0, -1, 4097, True, 1.5, None, "64", {}, {"height": 8}, {"height": 8, "width": 9}])
def test_an_input_that_is_no_square_is_refused(spec: object) -> None:
    with pytest.raises(ValueError, match="input is"):
        prepare(FILE, spec)


def test_what_ingest_refuses_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(FILE[:-20])
    with pytest.raises(RefusedPicture, match=r"cut.png: PNG ends before its last chunk") as caught:
        prepare([FILE, path], SIZE)
    assert caught.value.reason is Refusal.UNDECODABLE
    with pytest.raises(RefusedPicture, match="picture 1: no image format begins with"):
        prepare([FILE, b"\x01\x02"], SIZE)
    for limits, reason in (({"max_bytes": 100}, Refusal.TOO_LARGE), ({"max_pixels": 4799}, Refusal.TOO_MANY_PIXELS)):
        with pytest.raises(RefusedPicture) as caught:
            prepare(FILE, SIZE, **limits)
        assert caught.value.reason is reason
    with pytest.raises(RefusedPicture, match="picture 0: 80 x 60 pixels; 4799 are allowed"):
        prepare(np.asarray(picture(60, 80)), SIZE, max_pixels=4799)
    assert prepare(FILE, SIZE, max_pixels=4800, max_bytes=len(FILE)).shape == SEEN.shape


def test_a_large_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(RefusedPicture) as caught:
        prepare(path, SIZE)
    assert caught.value.reason is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((3, 4, 4), np.uint8)[..., :0],
        np.zeros(4, np.uint8),
        np.zeros((2, 2, 4, 4, 3), np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"picture 0 is an array of .* multiply by 255"):
        prepare(pixels, SIZE)


@pytest.mark.parametrize("image", [None, 7, picture(), [None]])
def test_what_is_no_picture_is_a_type_error(image: object) -> None:
    with pytest.raises(TypeError, match="picture 0, of type"):
        prepare(image, SIZE)  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_said_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        prepare(tmp_path / "none.jpg", SIZE)
