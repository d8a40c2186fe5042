"""Kinds of files that people have, each with what a person sees in it: all who read pictures must agree on them."""

import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.support.images import FORMS, QUARTERS, encode, exif, picture, png, ycck_jpeg
from tests.support.jpegs import jpeg, ycc

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation{}/></x:xmpmeta>'
TURNED = QUARTERS[::-1].transpose(1, 0, 2)
"""What orientation 6 makes of the picture."""
Kind = tuple[Callable[[], bytes], np.ndarray]
"""How to make the file, and the colours of its quarters."""


def xmp(value: str = '="6"') -> bytes:
    """Return an XMP packet that turns the picture by a quarter."""
    return XMP.format(value).encode()


def raw_profile(block: bytes, name: str = "exif") -> bytes:
    """Return metadata as ImageMagick writes it into a text: name, length, hexadecimal lines."""
    digits = block.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "\n".join(["", name, f"{len(block):8}", *lines, ""]).encode()


def _behind_soi(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content + data[2:]


def _jpeg(**options: object) -> bytes:
    return encode(picture(60, 80), "JPEG", quality=95, **options)


def _seen_through() -> tuple[Image.Image, np.ndarray]:
    """Return the picture with red hidden, green at half, and what is seen of it over white."""
    image, colours = picture(60, 80).convert("RGBA"), QUARTERS.astype(float)
    alpha = np.full((60, 80), 255, np.uint8)
    alpha[:30, :40], alpha[:30, 40:] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    colours[0, 0], colours[0, 1] = 255, colours[0, 1] * 128 / 255 + 127
    return image, colours


def _tones(most: int) -> np.ndarray:
    return np.repeat(np.repeat(np.array([[0, 85], [170, 255]]) * most // 255, 30, 0), 40, 1)[:, :, None]


CLEAR, CLEARED = _seen_through()
GREYS = np.repeat(np.array([[[0], [85]], [[170], [255]]]), 3, 2)
RGB, GREY = np.asarray(picture(60, 80)), _tones(255)
INDICES = np.repeat(np.repeat(np.array([[0, 1], [2, 3]]), 30, 0), 40, 1)[:, :, None]
PALETTE = (b"PLTE", QUARTERS.reshape(-1, 3).tobytes())


def _frames(kind: str, **options: object) -> bytes:
    return encode(picture(60, 80), kind, save_all=True, append_images=[picture(60, 80).rotate(180)], **options)


def _multi_picture() -> bytes:
    stream = io.BytesIO()
    picture(60, 80).save(stream, "MPO", save_all=True, append_images=[picture(60, 80).rotate(180)], quality=95)
    return stream.getvalue()


def _deep(alpha: bool = False) -> np.ndarray:
    samples = (np.asarray(CLEAR) if alpha else RGB).astype(np.uint16) * 257
    samples[..., :3] ^= 0x0F
    return samples


def _factors(*pairs: tuple[int, int]) -> Kind:
    return (lambda: jpeg(ycc(picture(60, 80)), pairs)), QUARTERS


_INK = 255 - np.asarray(picture(60, 80).convert("CMYK"))

JPEGS: dict[str, Kind] = {
    "jpeg 4:4:4": _factors((1, 1), (1, 1), (1, 1)),
    "jpeg 4:2:0": _factors((2, 2), (1, 1), (1, 1)),
    "jpeg 4:2:2": _factors((2, 1), (1, 1), (1, 1)),
    "jpeg 4:4:0": _factors((1, 2), (1, 1), (1, 1)),
    "jpeg 4:1:1": _factors((4, 1), (1, 1), (1, 1)),
    "jpeg 4:4:1": _factors((1, 4), (1, 1), (1, 1)),
    "jpeg 4:1:0": _factors((4, 2), (1, 1), (1, 1)),
    "jpeg 3x1": _factors((3, 1), (1, 1), (1, 1)),
    "jpeg 2x2,2x1,1x1": _factors((2, 2), (2, 1), (1, 1)),
    "jpeg 2x2,1x2,1x2": _factors((2, 2), (1, 2), (1, 2)),
    "jpeg in three scans": (lambda: jpeg(ycc(picture(60, 80)), [(2, 2), (1, 1), (1, 1)], apart=True), QUARTERS),
    "jpeg with tables of its own": (lambda: _jpeg(optimize=True), QUARTERS),
    "jpeg progressive": (lambda: _jpeg(progressive=True), QUARTERS),
    "jpeg progressive, 101 scans behind it": (lambda: _jpeg(progressive=True) + b"\xff\xda" * 101, QUARTERS),
    "jpeg baseline, a film behind it": (lambda: _jpeg() + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 101, QUARTERS),
    "jpeg padded by 16": (lambda: _jpeg()[:-2] + bytes(16) + b"\xff\xd9", QUARTERS),
    "jpeg padded by 64": (lambda: _jpeg()[:-2] + bytes(64) + b"\xff\xd9", QUARTERS),
    "jpeg with fill before its end": (lambda: _jpeg()[:-2] + b"\xff\xff\xff\xd9", QUARTERS),
    "jpeg with restarts": (lambda: _jpeg(restart_marker_rows=1), QUARTERS),
    "jpeg of two pictures": (_multi_picture, QUARTERS),
    "jpeg, RGB by its ids": (lambda: jpeg(RGB, [(1, 1)] * 3, ids=b"RGB"), QUARTERS),
    "jpeg, RGB by Adobe": (lambda: jpeg(RGB, [(1, 1)] * 3, adobe=0), QUARTERS),
    "jpeg, Adobe's transform unknown": (lambda: jpeg(ycc(picture(60, 80)), [(1, 1)] * 3, adobe=7), QUARTERS),
    "jpeg CMYK": (lambda: encode(picture(60, 80).convert("CMYK"), "JPEG", quality=95), QUARTERS),
    "jpeg YCCK": (lambda: ycck_jpeg(picture(60, 80)), QUARTERS),
    "jpeg CMYK 3x1": (lambda: jpeg(_INK, [(3, 1), (1, 1), (1, 1), (3, 1)], adobe=0), QUARTERS),
    "jpeg grey": (lambda: jpeg(GREY, [(1, 1)]), GREYS),
    "jpeg grey 2x2": (lambda: jpeg(GREY, [(2, 2)]), GREYS),
    "jpeg, EXIF": (lambda: _jpeg(exif=b"Exif\0\0" + exif(6)), TURNED),
    "jpeg, EXIF in two segments": (
        lambda: _behind_soi(_behind_soi(_jpeg(), 0xE1, b"Exif\0\0rest"), 0xE1, b"Exif\0\0" + exif(6, ">")),
        TURNED,
    ),
    "jpeg, XMP": (lambda: _behind_soi(_jpeg(), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()), TURNED),
    "jpeg, XMP against EXIF": (
        lambda: _behind_soi(
            _jpeg(exif=b"Exif\0\0" + exif(1)), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(">6<tiff:Orientation")
        ),
        QUARTERS,
    ),
    "jpeg large": (lambda: encode(picture(700, 900), "JPEG", quality=95), QUARTERS),
}
PNGS: dict[str, Kind] = {
    "png RGB": (lambda: png(RGB, 8, 2), QUARTERS),
    "png RGB interlaced": (lambda: png(RGB, 8, 2, interlaced=True), QUARTERS),
    "png RGBA": (lambda: encode(CLEAR, "PNG"), CLEARED),
    "png RGBA opaque": (lambda: encode(picture(60, 80).convert("RGBA"), "PNG"), QUARTERS),
    "png RGBA interlaced": (lambda: png(np.asarray(CLEAR), 8, 6, interlaced=True), CLEARED),
    "png RGB 16 bits": (lambda: png(_deep(), 16, 2), QUARTERS),
    "png RGBA 16 bits": (lambda: png(_deep(alpha=True), 16, 6), CLEARED),
    "png RGB, a colour transparent": (
        lambda: png(RGB, 8, 2, [(b"tRNS", b"".join(bytes((0, one)) for one in QUARTERS[0, 0]))]),
        np.concatenate(([[[255] * 3, QUARTERS[0, 1]]], QUARTERS[1:])),
    ),
    "png RGB 16 bits, a colour transparent": (
        lambda: png(_deep(), 16, 2, [(b"tRNS", _deep()[0, 0].astype(">u2").tobytes())]),
        np.concatenate(([[[255] * 3, QUARTERS[0, 1]]], QUARTERS[1:])),
    ),
    "png RGB 16 bits, another transparent": (
        lambda: png(_deep(), 16, 2, [(b"tRNS", (_deep()[0, 0] ^ 1).astype(">u2").tobytes())]),
        QUARTERS,
    ),
    **{f"png grey {bits} bits": (lambda b=bits: png(_tones(2**b - 1), b, 0), GREYS) for bits in (2, 4, 8, 16)},
    "png grey 1 bit": (lambda: png((GREY > 128).astype(int), 1, 0), (GREYS > 128) * 255),
    "png grey 16 bits interlaced": (lambda: png(_tones(65535), 16, 0, interlaced=True), GREYS),
    "png grey 16 bits, black transparent": (
        lambda: png(_tones(65535), 16, 0, [(b"tRNS", b"\0\0")]),
        np.where(GREYS == 0, 255, GREYS),
    ),
    "png grey 4 bits, black transparent": (
        lambda: png(_tones(15), 4, 0, [(b"tRNS", b"\0\0")]),
        np.where(GREYS == 0, 255, GREYS),
    ),
    "png grey with opacity": (
        lambda: png(np.dstack((GREY[..., 0], np.asarray(CLEAR)[..., 3])), 8, 4),
        np.array([[[255] * 3, [85 * 128 / 255 + 127] * 3], [[170] * 3, [255] * 3]]),
    ),
    "png grey with opacity 16 bits": (
        lambda: png(np.dstack((GREY[..., 0], np.asarray(CLEAR)[..., 3])).astype(np.uint16) * 257, 16, 4),
        np.array([[[255] * 3, [85 * 128 / 255 + 127] * 3], [[170] * 3, [255] * 3]]),
    ),
    **{f"png palette {bits} bits": (lambda b=bits: png(INDICES, b, 3, [PALETTE]), QUARTERS) for bits in (2, 4, 8)},
    "png palette with opacity": (lambda: png(INDICES, 4, 3, [PALETTE, (b"tRNS", b"\0\x80")]), CLEARED),
    "png, EXIF": (lambda: encode(picture(60, 80), "PNG", exif=exif(6)), TURNED),
    "png, EXIF in zTXt": (
        lambda: png(RGB, 8, 2, [(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(exif(6))))]),
        TURNED,
    ),
    "png, EXIF in tEXt": (
        lambda: png(RGB, 8, 2, [(b"tEXt", b"Raw profile type APP1\0" + raw_profile(b"Exif\0\0" + exif(6), "APP1"))]),
        TURNED,
    ),
    "png, EXIF in iTXt": (
        lambda: png(RGB, 8, 2, [(b"iTXt", b"Raw profile type exif\0\0\0\0\0" + raw_profile(exif(6)))]),
        TURNED,
    ),
    "png, XMP": (lambda: png(RGB, 8, 2, [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp())]), TURNED),
    "png, XMP compressed": (
        lambda: png(RGB, 8, 2, [(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(" = '6'")))]),
        TURNED,
    ),
    "png, gamma and profile": (
        lambda: png(RGB, 8, 2, [(b"gAMA", b"\0\0\xb1\x8f"), (b"iCCP", b"x\0\0" + zlib.compress(b"junk"))]),
        QUARTERS,
    ),
    "png animated": (lambda: _frames("PNG"), QUARTERS),
}
WEBPS: dict[str, Kind] = {
    "webp lossy": (lambda: encode(picture(60, 80), "WEBP", quality=95), QUARTERS),
    "webp lossless": (lambda: encode(picture(60, 80), "WEBP", lossless=True), QUARTERS),
    "webp lossy with opacity": (lambda: encode(CLEAR, "WEBP", quality=95), CLEARED),
    "webp lossless with opacity": (lambda: encode(CLEAR, "WEBP", lossless=True), CLEARED),
    "webp opaque RGBA": (lambda: encode(picture(60, 80).convert("RGBA"), "WEBP", lossless=True), QUARTERS),
    "webp grey": (lambda: encode(Image.fromarray(GREY[..., 0].astype(np.uint8)), "WEBP", lossless=True), GREYS),
    "webp animated": (lambda: _frames("WEBP", lossless=True), QUARTERS),
    "webp, EXIF": (lambda: encode(picture(60, 80), "WEBP", quality=95, exif=exif(6)), TURNED),
    "webp, EXIF with a prefix": (
        lambda: encode(picture(60, 80), "WEBP", quality=95, exif=b"Exif\0\0" + exif(6)),
        TURNED,
    ),
    "webp, XMP": (lambda: encode(picture(60, 80), "WEBP", quality=95, xmp=xmp()), TURNED),
    "webp, XMP of an opaque RGBA": (
        lambda: encode(picture(60, 80).convert("RGBA"), "WEBP", lossless=True, xmp=xmp()),
        TURNED,
    ),
}
KINDS: dict[str, Kind] = {
    **JPEGS,
    **PNGS,
    **WEBPS,
    **{f"form {name}": (make, QUARTERS) for name, make in FORMS.items()},
}
