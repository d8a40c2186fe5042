"""Whatever the bytes: pixels or a reason, never another error, and never a guess at what was cut off."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.pictures import ImageDecoder, decode, sniff
from model.pictures import png as png_chunks
from model.pictures.errors import Refusal, RefusedPicture
from tests.support.images import FORMS, QUARTERS, chunk, encode, exif, picture, png, quarters, with_checksums

DECODER = ImageDecoder(8, max_bytes=1_000_000, max_pixels=500_000)
SMALL = {
    **{name: make() for name, make in FORMS.items() if "large" not in name},
    "grey jpeg": encode(picture(16, 16).convert("L"), "JPEG"),
    "16-bit grey png": png(np.arange(64).reshape(8, 8, 1) * 1000, 16, 0, [(b"tRNS", b"\0\0")]),
    "keyed rgb png": png(np.asarray(picture(8, 8)), 8, 2, [(b"tRNS", bytes(6))], interlaced=True),
    "palette with opacity": encode(picture(8, 8).quantize(4), "PNG", transparency=b"\1\2\3"),
    "jpeg with exif": encode(picture(16, 16), "JPEG", exif=b"Exif\0\0" + exif(6)),
    "webp with exif": encode(picture(16, 16), "WEBP", exif=exif(6)),
    "rgba webp": encode(picture(16, 16).convert("RGBA"), "WEBP", quality=50, exif=exif(8)),
}


def outcome(data: bytes) -> Refusal | None:
    try:
        pixels = DECODER.decode(data)
    except RefusedPicture as rejected:
        assert 0 < len(str(rejected)) <= 300
        return rejected.reason
    assert len(pixels) == 8 * 8 * 3
    return None


@pytest.mark.parametrize("form", SMALL)
def test_a_cut_file_is_undecodable_wherever_it_was_cut(form: str) -> None:
    data = SMALL[form]
    assert outcome(data) is None
    lengths = {*range(12, 120), *range(12, len(data), 37), *range(len(data) - 30, len(data))}
    kept = [
        length for length in sorted(lengths) if length < len(data) and outcome(data[:length]) is not Refusal.UNDECODABLE
    ]
    assert kept == []


@pytest.mark.parametrize("form", SMALL)
def test_the_first_bytes_alone_are_refused(form: str) -> None:
    for length in range(1, 12):
        assert outcome(SMALL[form][:length]) in (Refusal.UNDECODABLE, Refusal.NOT_AN_IMAGE)


@pytest.mark.parametrize("form", SMALL)
def test_what_follows_the_picture_is_ignored(form: str) -> None:
    assert DECODER.decode(SMALL[form] + b"behind the end") == DECODER.decode(SMALL[form])


@settings(max_examples=400, deadline=None)
@given(
    form=st.sampled_from(sorted(SMALL)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    checksums=st.booleans(),
)
def test_changed_bytes_give_pixels_or_a_reason(form: str, changes: list[tuple[float, int]], checksums: bool) -> None:
    data = bytearray(SMALL[form])
    for place, value in changes:
        data[int(place * len(data))] = value
    outcome(with_checksums(bytes(data)) if checksums and data[1:4] == b"PNG" else bytes(data))


@settings(max_examples=200, deadline=None)
@given(
    magic=st.sampled_from(
        [b"", b"\xff\xd8\xff", png_chunks.SIGNATURE, b"RIFF\xff\0\0\0WEBPVP8X", b"RIFF\xff\0\0\0WEBPVP8L"]
    ),
    tail=st.binary(max_size=300),
)
def test_random_bytes_give_a_reason(magic: bytes, tail: bytes) -> None:
    assert outcome(magic + tail) is not None


SIDES, CODES = st.integers(0, 300), st.integers(0, 2)
HEADERS = st.tuples(SIDES, SIDES, st.integers(0, 32), st.integers(0, 8), CODES, CODES, CODES)
EXTRA_CHUNKS = st.tuples(st.sampled_from([b"tRNS", b"PLTE", b"eXIf", b"IDAT", b"zTXt"]), st.binary(max_size=40))


@settings(max_examples=200, deadline=None)
@given(header=HEADERS, extra=st.lists(EXTRA_CHUNKS, max_size=4), rows=st.binary(max_size=400))
def test_well_formed_chunks_of_nonsense_give_pixels_or_a_reason(
    header: tuple[int, ...], extra: list[tuple[bytes, bytes]], rows: bytes
) -> None:
    chunks = [chunk(b"IHDR", struct.pack(">IIBBBBB", *header)), *(chunk(*pair) for pair in extra)]
    chunks += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    outcome(png_chunks.SIGNATURE + b"".join(chunks))


def test_a_damaged_checksum_is_undecodable() -> None:
    data = encode(picture(), "PNG")
    for at in (32, data.index(b"IEND") - 5, len(data) - 1):
        assert outcome(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is Refusal.UNDECODABLE


def test_a_text_that_unfolds_to_gigabytes_is_skipped() -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9)
    plain = np.asarray(picture())
    pixels = DECODER.decode(png(plain, 8, 2, [(b"zTXt", bomb), (b"iCCP", bomb)]))
    assert np.abs(quarters(pixels, 8).astype(int) - QUARTERS).max() <= 1


def test_of_an_animated_png_the_still_picture_is_taken() -> None:
    frames = [picture(), picture().rotate(180)]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert b"acTL" in data
    assert np.abs(quarters(DECODER.decode(data), 8).astype(int) - QUARTERS).max() <= 1


@pytest.mark.parametrize(
    "chunks",
    [
        [encode(picture(), "PNG")[8:33]],
        [chunk(b"ABCD", b"")],
        [chunk(b"tEXt", b"")] * 100_001,
    ],
    ids=["a second header", "an unknown critical chunk", "too many chunks"],
)
def test_chunks_that_no_encoder_writes_are_undecodable(chunks: list[bytes]) -> None:
    data = encode(picture(), "PNG")
    decoder = ImageDecoder(8, max_bytes=10_000_000, max_pixels=10_000)
    with pytest.raises(RefusedPicture) as caught:
        decoder.decode(data[:33] + b"".join(chunks) + data[33:])
    assert caught.value.reason is Refusal.UNDECODABLE


def test_thousands_of_scans_are_not_decoded() -> None:
    data = encode(picture(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert sniff(data[:last] + data[last:-2] * 50 + data[-2:]).width == 48
    with pytest.raises(RefusedPicture, match="scans"):
        sniff(data[:last] + data[last:-2] * 200 + data[-2:])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_scan_behind_the_only_one_is_refused_by_the_decoder(mode: str) -> None:
    data = encode(picture().convert(mode), "JPEG")
    only = data.rindex(b"\xff\xda")
    assert outcome(data[:-2] + data[only:-2] * 200 + data[-2:]) is Refusal.UNDECODABLE


def test_a_jpeg_without_its_end_of_image_is_cut() -> None:
    assert outcome(encode(picture(), "JPEG")[:-2]) is Refusal.UNDECODABLE


@pytest.mark.parametrize(
    "kind",
    [ValueError, OSError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, MemoryError],
)
def test_what_decoders_raise_on_damage_is_the_records_fault(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise kind("x" * 10_000)

    monkeypatch.setattr(decode.jpeg_pixels.simplejpeg, "decode_jpeg", refusing)
    assert outcome(SMALL["jpeg"]) is Refusal.UNDECODABLE


def test_a_fault_of_ours_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no decoder")

    monkeypatch.setattr(decode.jpeg_pixels.simplejpeg, "decode_jpeg", broken)
    with pytest.raises(RuntimeError, match="no decoder"):
        DECODER.decode(SMALL["jpeg"])
