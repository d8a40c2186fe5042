"""Encoded bytes of unknown origin to pixels, within limits, or to a reason why not."""

import struct
import zlib
from io import BytesIO

from PIL import Image
from PIL._webp import WebPAnimDecoder
from PIL.PngImagePlugin import PngImageFile

from model.pictures import jpeg_pixels, png, webp
from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.header import Format, Header, undecodable
from model.pictures.resize import keyed_rgb16, plain_mode, square_rgb
from model.pictures.room import DECODE_BYTES_MAX, FREE_BYTES, Room, decode_bytes
from model.pictures.sniff import sniff

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
_SCANS_OF_A_FULL_PICTURE = 10
"""Scans that a progressive JPEG of `max_pixels` may have, as encoders write it; a smaller one may have more, for each
scan goes over the whole picture, whatever it brings, and that bounds how long one picture takes."""
_MESSAGE_CHARS_MAX = 200


class ImageDecoder:
    """Decodes JPEG, PNG and WebP to RGB of one size. Safe to share among threads; releases the GIL for most of it.

    JPEG goes through libjpeg-turbo with warnings taken as errors (`jpeg_mending.py` has the few that are no damage),
    PNG and WebP through Pillow, PNG after all of its checksums: damage is refused, not guessed at. The orientation that
    EXIF, else XMP, tells is applied. Colour profiles are not: samples are
    taken as sRGB, CMYK as browsers take it (inverted, as Adobe writes it). Of an animation the still or first picture
    is taken.
    """

    def __init__(self, size: int, max_bytes: int, max_pixels: int, decode_bytes_max: int = DECODE_BYTES_MAX) -> None:
        """`size`: side of the square in pixels; `max_bytes`: of the encoded image; `max_pixels`: width x height.

        `decode_bytes_max`: memory of all pictures that are decoded at once, by however many threads.
        """
        if size < 1 or max_bytes < 1 or max_pixels < 1:
            raise ValueError(f"limits must be positive: size {size}, max_bytes {max_bytes}, max_pixels {max_pixels}")
        self.size = size
        self.max_bytes = max_bytes
        self.max_pixels = max_pixels
        self._room = Room(decode_bytes_max)

    def decode(self, data: bytes) -> bytes:
        """Return RGB, uint8, size x size x 3 in C order; the picture is squeezed into the square, upright.

        Raises RefusedPicture. In this order: empty, too_large, then by the header alone not_an_image,
        unsupported_format or undecodable, and too_many_pixels (also where the pixels would take more memory than there
        is for them); undecodable for a JPEG whose scans would take too long, and for what the decoder refuses.
        """
        if not data:
            raise RefusedPicture(Refusal.EMPTY, "the image has no bytes")
        if len(data) > self.max_bytes:
            raise RefusedPicture(Refusal.TOO_LARGE, f"{len(data)} bytes; {self.max_bytes} are allowed")
        header = sniff(data)
        pixels = header.width * header.height
        if pixels > self.max_pixels:
            message = f"{header.width} x {header.height} pixels; {self.max_pixels} are allowed"
            raise RefusedPicture(Refusal.TOO_MANY_PIXELS, message)
        if header.scans * pixels > _SCANS_OF_A_FULL_PICTURE * self.max_pixels:
            allowed = f"{_SCANS_OF_A_FULL_PICTURE} scans of {self.max_pixels} pixels, or more of fewer"
            raise undecodable(f"JPEG of {header.scans} scans of {pixels} pixels; decoding stops at {allowed}")
        factor = jpeg_pixels.shrink_factor(header, self.size) if header.format is Format.JPEG else 1
        needed = decode_bytes(header, self.size, factor) + len(data)  # PNG and WebP are copied on the way
        if needed > self._room.bytes_max:
            message = (
                f"{header.width} x {header.height} pixels of {header.format} take {needed} bytes to decode; "
                f"ingest.decode_bytes_max is {self._room.bytes_max}"
            )
            raise RefusedPicture(Refusal.TOO_MANY_PIXELS, message)
        if needed <= FREE_BYTES:
            return self._decode(data, header, factor)
        with self._room.take(needed):
            return self._decode(data, header, factor)

    def _decode(self, data: bytes, header: Header, factor: int) -> bytes:
        try:
            if header.format is Format.JPEG:
                extent = (header.width / factor, header.height / factor)
                return square_rgb(jpeg_pixels.decode(data, header, factor), self.size, header.orientation, extent)
            if header.format is Format.PNG:
                reduced = png.reduce(data)
                return square_rgb(_png(reduced, header), self.size, reduced.orientation)
            return square_rgb(_webp(data, header), self.size, webp.find_orientation(data))
        except RefusedPicture:
            raise
        except _DECODER_ERRORS as error:
            message = f"{header.format} cannot be decoded: {type(error).__name__}: {error}"[:_MESSAGE_CHARS_MAX]
            raise RefusedPicture(Refusal.UNDECODABLE, message) from error


def _png(reduced: png.Pixels, header: Header) -> Image.Image:
    image = _loaded(PngImageFile(BytesIO(reduced.data)), header)
    if image.mode == "RGB" and reduced.bits == 16 and "transparency" in image.info:
        return keyed_rgb16(image, _loaded(_lower_bytes(reduced), header), image.info["transparency"])
    return plain_mode(image, reduced.bits)


def _lower_bytes(reduced: png.Pixels) -> PngImageFile:
    """Return a PNG of three samples of 16 bits that loads the lower byte of each, where Pillow takes the upper one."""
    image = PngImageFile(BytesIO(reduced.data))
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    return image


def _webp(data: bytes, header: Header) -> Image.Image:
    """Decode the still, or an animation's first picture: by Pillow's decoder, without its image class.

    The class holds decoder, pixels and image at once, 16 bytes a pixel; here the decoder is gone when its pixels, which
    are Pillow's own layout, become the image.
    """
    decoder = WebPAnimDecoder(data)
    (width, height), *_, mode = decoder.get_info()
    if (width, height) != (header.width, header.height):
        raise undecodable(f"webp of another size than its header's, {header.width} x {header.height}")
    decoded = decoder.get_next()
    if decoded is None:
        raise undecodable("webp cannot be decoded")
    return Image.frombuffer(mode, (width, height), decoded[0], "raw", mode, 0, 1)


def _loaded(image: Image.Image, header: Header) -> Image.Image:
    # The size that was checked must be the size that is decoded.
    if image.size != (header.width, header.height):
        raise undecodable(f"{header.format} of another size than its header's, {header.width} x {header.height}")
    image.load()
    return image
