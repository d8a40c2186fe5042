"""Encoded images for tests: a picture that no rotation leaves alone, in every form that a producer may send."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 40), (30, 200, 60), (40, 60, 210), (230, 210, 50)
QUARTERS = np.array([[RED, GREEN], [BLUE, YELLOW]], dtype=np.uint8)
"""The colours of the picture's quarters, as a person sees them: [2, 2, 3]."""


def picture(height: int = 48, width: int = 48) -> Image.Image:
    """Return an RGB picture with a colour in each quarter."""
    rows, columns = np.arange(height) * 2 // height, np.arange(width) * 2 // width
    return Image.fromarray(QUARTERS[rows][:, columns])


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the image as bytes of Pillow's format `kind`."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def quarters(pixels: bytes, size: int) -> np.ndarray:
    """Return the colours in the middle of the quarters of decoded pixels: [2, 2, 3]."""
    image_HWC = np.frombuffer(pixels, np.uint8).reshape(size, size, 3)
    middles = [size // 4, 3 * size // 4]
    return image_HWC[middles][:, middles]


def exif(orientation: int, order: str = "<") -> bytes:
    """Return a TIFF block with the orientation alone, of either byte order."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return one chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    samples: np.ndarray, bits: int, colour: int, extra: Sequence[tuple[bytes, bytes]] = (), *, interlaced: bool = False
) -> bytes:
    """Write a PNG by hand: samples [height, width, channels] in the file's own depth; `extra` chunks come first."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    data = b"".join(_rows(part, bits) for part in (_adam7(samples) if interlaced else [samples]))
    parts = [chunk(b"IHDR", header), *(chunk(kind, content) for kind, content in extra)]
    parts += [chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _adam7(samples: np.ndarray) -> list[np.ndarray]:
    starts_and_steps = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    parts = [samples[top::down, left::right] for top, left, down, right in starts_and_steps]
    return [part for part in parts if part.size]


def _rows(samples: np.ndarray, bits: int) -> bytes:
    """Return the rows, each led by filter 0."""
    if bits == 16:
        packed = samples.astype(">u2").reshape(len(samples), -1).view(np.uint8)
    else:
        flat = samples.reshape(len(samples), -1).astype(np.uint8)
        each = np.unpackbits(flat[:, :, None], axis=2)[:, :, 8 - bits :]
        packed = np.packbits(each.reshape(len(samples), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def with_checksums(data: bytes) -> bytes:
    """Return a PNG with the checksums of its chunks put right, as far as its chunks can be told apart."""
    fixed = bytearray(data)
    at = 8
    while at + 12 <= len(fixed):
        end = at + 12 + int.from_bytes(fixed[at : at + 4], "big")
        if end > len(fixed):
            break
        fixed[end - 4 : end] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end - 4]))
        at = end
    return bytes(fixed)


def ycck_jpeg(image: Image.Image) -> bytes:
    """Return a JPEG in YCCK as Adobe writes it: inverted, and the marker says transform 2."""
    complement = Image.eval(image, lambda value: 255 - value).convert("YCbCr")
    # Pillow inverts what it saves as CMYK; K is 255, no black, once inverted.
    bands = [Image.eval(band, lambda value: 255 - value) for band in complement.split()]
    data = bytearray(encode(Image.merge("CMYK", (*bands, Image.new("L", image.size, 0))), "JPEG", quality=95))
    adobe = data.index(b"Adobe")
    assert data[adobe + 11] == 0
    data[adobe + 11] = 2
    return bytes(data)


def _palette() -> Image.Image:
    return picture().quantize(8)


def _animated_webp() -> bytes:
    other = Image.new("RGB", (48, 48), (9, 9, 9))
    return encode(picture(), "WEBP", save_all=True, append_images=[other], lossless=True)


def _rgb16() -> np.ndarray:
    return np.asarray(picture()).astype(np.uint16) * 257


FORMS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encode(picture(), "JPEG", quality=95, subsampling=0),
    "jpeg with chroma at half": lambda: encode(picture(), "JPEG", quality=95, subsampling=2),
    "progressive jpeg": lambda: encode(picture(), "JPEG", quality=95, progressive=True),
    "large jpeg": lambda: encode(picture(700, 900), "JPEG", quality=95),
    "jpeg with restarts": lambda: encode(picture(), "JPEG", quality=95, restart_marker_blocks=1),
    "rgb jpeg": lambda: encode(picture(), "JPEG", quality=95, keep_rgb=True),
    "cmyk jpeg": lambda: encode(picture().convert("CMYK"), "JPEG", quality=95),
    "ycck jpeg": lambda: ycck_jpeg(picture()),
    "png": lambda: encode(picture(), "PNG"),
    "large png": lambda: encode(picture(300, 500), "PNG"),
    "palette png": lambda: encode(_palette(), "PNG"),
    "opaque rgba png": lambda: encode(picture().convert("RGBA"), "PNG"),
    "16-bit rgb png": lambda: png(_rgb16(), 16, 2),
    "interlaced png": lambda: png(np.asarray(picture()), 8, 2, interlaced=True),
    "lossy webp": lambda: encode(picture(), "WEBP", quality=95),
    "lossless webp": lambda: encode(picture(), "WEBP", lossless=True),
    "animated webp": _animated_webp,
}
"""The picture in every form that shows its colours in full."""
