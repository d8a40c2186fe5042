"""What a picture takes to decode is known from its header, and no more is taken at once than there is room for."""

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from model.pictures import ImageDecoder, decode, sniff
from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.room import FREE_BYTES, Room, decode_bytes
from tests.support.images import encode, picture, png
from tests.support.jpegs import jpeg

SIZE = 64
SHAPE = (1200, 1600)

FLAT = np.full((*SHAPE, 3), 90, np.uint8)

MEASURE = """
import sys
from model.pictures import ImageDecoder
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
decoder = ImageDecoder(64, 10**8, 10**9, 10**10)
parts = sys.stdin.buffer.read()
small, data = parts[:int(sys.argv[1])], parts[int(sys.argv[1]):]
decoder.decode(small)
before = peak()
decoder.decode(data)
print(peak() - before)
"""


def noise(mode: str = "RGB") -> Image.Image:
    rough = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize(SHAPE[::-1], Image.Resampling.NEAREST).convert(mode)


def forms() -> dict[str, bytes]:
    """Every kind of picture whose pixels are held in another way."""
    plain = {mode: encode(noise(mode), "PNG") for mode in ("L", "LA", "RGB", "RGBA", "P", "1")}
    deep = np.zeros((*SHAPE, 1), np.uint16)
    return {
        **{f"png {mode}": data for mode, data in plain.items()},
        "png 16 bits": png(deep, 16, 0),
        "png 16 bits, keyed": png(deep, 16, 0, [(b"tRNS", b"\0\1")]),
        "png RGBA 16 bits interlaced": png(np.zeros((*SHAPE, 4), np.uint16), 16, 6, interlaced=True),
        "png RGB 16 bits, keyed": png(np.zeros((*SHAPE, 3), np.uint16), 16, 2, [(b"tRNS", bytes(6))]),
        "png RGB, keyed": encode(noise(), "PNG", transparency=(0, 0, 0)),
        "png P, keyed": encode(noise("P"), "PNG", transparency=0),
        "png tall": encode(Image.new("RGBA", (1, 1_000_000)), "PNG"),
        "webp": encode(noise(), "WEBP"),
        "webp lossless": encode(noise("RGBA"), "WEBP", lossless=True),
        "webp of one colour": encode(Image.new("RGB", SHAPE[::-1]), "WEBP", lossless=True),
        "jpeg": encode(noise(), "JPEG"),
        "jpeg progressive": encode(noise(), "JPEG", progressive=True),
        "jpeg progressive 4:4:4": encode(noise(), "JPEG", progressive=True, subsampling=0),
        "jpeg progressive CMYK": encode(noise("CMYK"), "JPEG", progressive=True),
        "jpeg 3x1": jpeg(FLAT, [(3, 1), (1, 1), (1, 1)]),
        "jpeg 3x1 in three scans": jpeg(FLAT, [(3, 1), (1, 1), (1, 1)], apart=True),
        "jpeg CMYK 2x1,1x1,1x1,1x1": jpeg(np.dstack((FLAT, FLAT[..., 0])), [(2, 1), (1, 1), (1, 1), (1, 1)]),
        "jpeg padded": encode(noise(), "JPEG")[:-2] + bytes(64) + b"\xff\xd9",
        "jpeg wide": encode(Image.new("RGB", (60_000, 40)), "JPEG"),
    }


FORMS = forms()


@pytest.mark.parametrize("form", FORMS)
def test_no_decoder_takes_more_than_was_told_before(form: str) -> None:
    data, small = FORMS[form], encode(picture(), form[:4].strip())
    header = sniff(data)
    factor = decode.jpeg_pixels.shrink_factor(header, SIZE) if form.startswith("jpeg") else 1
    told = decode_bytes(header, SIZE, factor) + len(data)
    command = [sys.executable, "-c", MEASURE, str(len(small))]
    taken = int(subprocess.run(command, input=small + data, capture_output=True, check=True).stdout)
    assert taken <= told + 2_000_000


@pytest.mark.parametrize(
    ("form", "pixels"),
    [("webp of one colour", 12_000_000), ("png RGB", 35_000_000), ("jpeg progressive", 48_000_000)],
)
def test_what_cameras_and_editors_write_fits_the_default(form: str, pixels: int) -> None:
    header = sniff(FORMS[form])._replace(height=pixels // 4000, width=4000)
    scale = pixels / (SHAPE[0] * SHAPE[1])
    header = header._replace(coefficient_bytes=int(header.coefficient_bytes * scale))
    assert decode_bytes(header, SIZE, 8 if "jpeg" in form else 1) < ImageDecoder(SIZE, 1, 1)._room.bytes_max


@pytest.mark.parametrize("form", ["webp of one colour", "png RGBA 16 bits interlaced", "jpeg progressive 4:4:4"])
def test_what_would_take_too_much_is_refused_before_a_decoder_sees_it(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(*_: object, **__: object) -> None:
        raise AssertionError("decoder called")

    for name in ("PngImageFile", "WebPAnimDecoder"):
        monkeypatch.setattr(decode, name, called)
    monkeypatch.setattr(decode.jpeg_pixels.simplejpeg, "decode_jpeg", called)
    with pytest.raises(RefusedPicture, match=r"take .* bytes to decode; ingest.decode_bytes_max is 2000000") as caught:
        ImageDecoder(SIZE, 10_000_000, 50_000_000, 2_000_000).decode(FORMS[form])
    assert caught.value.reason is Refusal.TOO_MANY_PIXELS


def repeated_scans(times: int) -> bytes:
    """A valid progressive JPEG whose last scan stands there so many times."""
    data = encode(Image.new("RGB", (800, 600)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


def test_scans_are_bounded_by_the_pixels_they_go_over() -> None:
    decoder = ImageDecoder(SIZE, 1_000_000, 500_000)
    assert len(decoder.decode(encode(Image.new("RGB", (800, 600)), "JPEG", progressive=True))) == SIZE * SIZE * 3
    with pytest.raises(RefusedPicture, match="JPEG of 43 scans of 480000 pixels") as caught:
        decoder.decode(repeated_scans(34))
    assert caught.value.reason is Refusal.UNDECODABLE
    assert sniff(repeated_scans(34)).scans == 43


def test_sixteen_bits_are_read_in_bands_as_they_were_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).integers(0, 65_536, (37, 23, 1))
    files = [png(values, 16, 0), png(values, 16, 0, [(b"tRNS", int(values[5, 5, 0]).to_bytes(2, "big"))])]
    decoder = ImageDecoder(16, 10_000, 10_000)
    whole = [decoder.decode(data) for data in files]
    monkeypatch.setattr("model.pictures.resize._BAND_PIXELS", 50)
    assert [decoder.decode(data) for data in files] == whole
    assert whole[0] != whole[1]


def test_the_room_is_never_overdrawn_and_everyone_gets_in() -> None:
    room, lock = Room(10 * FREE_BYTES), threading.Lock()
    inside, most = 0, 0

    def work(wanted: int) -> None:
        nonlocal inside, most
        with room.take(wanted):
            with lock:
                inside += wanted
                most = max(most, inside)
            with lock:
                inside -= wanted

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(work, [3 * FREE_BYTES, 10 * FREE_BYTES, 4 * FREE_BYTES] * 50))
    assert 0 < most <= 10 * FREE_BYTES
    assert room._taken == 0


def test_small_pictures_wait_for_nobody() -> None:
    room = Room(5 * FREE_BYTES)
    with room.take(5 * FREE_BYTES), room.take(FREE_BYTES):
        pass
    with pytest.raises(ValueError, match="wanted of"), room.take(6 * FREE_BYTES):
        pass


def test_two_large_pictures_are_decoded_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (700, 700)).save(stream, "PNG")
    data, lock = stream.getvalue(), threading.Lock()
    inside, most = 0, 0
    original = ImageDecoder._decode

    def counted(self: ImageDecoder, *arguments: object) -> bytes:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return original(self, *arguments)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(ImageDecoder, "_decode", counted)
    decoder = ImageDecoder(8, 1_000_000, 1_000_000, 3_000_000)
    with ThreadPoolExecutor(4) as executor:
        assert len(set(executor.map(decoder.decode, [data] * 12))) == 1
    assert most == 1
