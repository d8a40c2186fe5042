"""Encoded bytes of unknown origin to pixels, within limits, or to a reason why not."""

import struct
import threading
import zlib
from contextlib import nullcontext
from io import BytesIO

import simplejpeg
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from streaming.images import png, webp
from streaming.images.header import Format, Header, undecodable
from streaming.images.resize import plain_mode, square_rgb
from streaming.images.sniff import sniff
from streaming.records import Reason, RejectedRecord

# The pixel count is limited here, before Pillow sees a byte; its own limit would be a second one, not configured.
Image.MAX_IMAGE_PIXELS = None

# What the decoders are known to raise on bytes that are not what they claim. Out of memory is one: the record that asks
# for too much would otherwise take the process down again after every restart.
_DECODER_ERRORS = (
    ValueError,
    OSError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
    OverflowError,
    MemoryError,
)
_LARGE_PIXELS = 8_000_000
"""Pictures above this are decoded one at a time, so that the memory needed does not grow with the number of threads."""
_JPEG_FACTORS = (8, 4, 2)
_MESSAGE_CHARS_MAX = 200


class ImageDecoder:
    """Decodes JPEG, PNG and WebP to RGB of one size. Safe to share among threads; releases the GIL for most of it.

    JPEG goes through libjpeg-turbo with warnings taken as errors, PNG and WebP through Pillow, PNG after all of its
    checksums: damage is refused, not guessed at. EXIF orientation is applied. Colour profiles are not: samples are
    taken as sRGB, CMYK as browsers take it (inverted, as Adobe writes it). Of an animation the still or first picture
    is taken.
    """

    def __init__(self, size: int, max_bytes: int, max_pixels: int) -> None:
        """`size`: side of the square in pixels; `max_bytes`: of the encoded image; `max_pixels`: width x height."""
        if size < 1 or max_bytes < 1 or max_pixels < 1:
            raise ValueError(f"limits must be positive: size {size}, max_bytes {max_bytes}, max_pixels {max_pixels}")
        self.size = size
        self.max_bytes = max_bytes
        self.max_pixels = max_pixels
        self._large = threading.Lock()

    def decode(self, data: bytes) -> bytes:
        """Return RGB, uint8, size x size x 3 in C order; the picture is squeezed into the square, upright.

        Raises RejectedRecord. In this order: empty, too_large, then by the header alone not_an_image,
        unsupported_format or undecodable, and too_many_pixels; and undecodable for what the decoder refuses.
        """
        if not data:
            raise RejectedRecord(Reason.EMPTY, "the image has no bytes")
        if len(data) > self.max_bytes:
            raise RejectedRecord(Reason.TOO_LARGE, f"{len(data)} bytes; {self.max_bytes} are allowed")
        header = sniff(data)
        pixels = header.width * header.height
        if pixels > self.max_pixels:
            message = f"{header.width} x {header.height} pixels; {self.max_pixels} are allowed"
            raise RejectedRecord(Reason.TOO_MANY_PIXELS, message)
        with self._large if pixels > _LARGE_PIXELS else nullcontext():
            return self._decode(data, header)

    def _decode(self, data: bytes, header: Header) -> bytes:
        try:
            if header.format is Format.JPEG:
                factor = _jpeg_factor(header, self.size)
                extent = (header.width / factor, header.height / factor)
                return square_rgb(_jpeg(data, header, factor), self.size, header.orientation, extent)
            if header.format is Format.PNG:
                reduced = png.reduce(data)
                return square_rgb(_png(reduced, header), self.size, reduced.orientation)
            return square_rgb(_webp(data, header), self.size, webp.find_orientation(data))
        except RejectedRecord:
            raise
        except _DECODER_ERRORS as error:
            message = f"{header.format} cannot be decoded: {type(error).__name__}: {error}"[:_MESSAGE_CHARS_MAX]
            raise RejectedRecord(Reason.UNDECODABLE, message) from error


def _jpeg_factor(header: Header, size: int) -> int:
    """Return by how much the decoder itself may shrink: it averages as the filter does, at a fraction of the time.

    What is left is at least three times the target. Measured against a decode in full: a level on average and 6 at
    most in pictures of fine detail, where twice the target gave 3 and 11.
    """
    return next((factor for factor in _JPEG_FACTORS if min(header.width, header.height) >= 3 * size * factor), 1)


def _jpeg(data: bytes, header: Header, factor: int) -> Image.Image:
    """Decode at 1/factor. The last column and row may then stand for less than a whole pixel."""
    mode = "GRAY" if header.grey else "RGBX"
    width, height = -(-header.width // factor), -(-header.height // factor)
    pixels_HWC = simplejpeg.decode_jpeg(data, colorspace=mode, min_height=height, min_width=width)
    if pixels_HWC.shape[:2] != (height, width):
        raise undecodable(f"JPEG of another size than its header's, {header.width} x {header.height}")
    # Four bytes a pixel are Pillow's own layout: it takes these without copying them.
    pillow_mode = "L" if header.grey else "RGBX"
    return Image.frombuffer(pillow_mode, (width, height), pixels_HWC, "raw", pillow_mode, 0, 1)


def _png(reduced: png.Pixels, header: Header) -> Image.Image:
    image = PngImageFile(BytesIO(reduced.data))
    return plain_mode(_loaded(image, header), reduced.bits)


def _webp(data: bytes, header: Header) -> Image.Image:
    return plain_mode(_loaded(WebPImageFile(BytesIO(data)), header), 8)


def _loaded(image: Image.Image, header: Header) -> Image.Image:
    # The size that was checked must be the size that is decoded.
    if image.size != (header.width, header.height):
        raise undecodable(f"{header.format} of another size than its header's, {header.width} x {header.height}")
    image.load()
    return image
