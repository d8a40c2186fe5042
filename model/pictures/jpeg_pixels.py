"""A JPEG's pixels: by libjpeg-turbo, which shrinks on the way, and takes its warnings for errors."""

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from model.pictures import jpeg_unusual
from model.pictures.header import Header, undecodable
from model.pictures.jpeg_mending import mend
from model.pictures.jpeg_sampling import is_usual, shrinks

_MENDED_MAX = 3
"""How many things are put right in one file: as many as there are that can be."""


def shrink_factor(header: Header, size: int) -> int:
    """Return by how much the decoder itself may shrink: it averages as the filter does, at a fraction of the time.

    What is left, of chroma too, is at least three times the target.
    """
    for factor, across, down in shrinks(header.factors):
        if header.width >= across * size and header.height >= down * size:
            return factor
    return 1


def decode(data: bytes, header: Header, factor: int) -> Image.Image:
    """Decode at 1/factor, mode L, RGB or RGBX. The last column and row may then stand for less than a whole pixel.

    Raises RefusedPicture (undecodable), and what decoders raise on damage.
    """
    if not is_usual(header.factors):
        return jpeg_unusual.decode(data, header, factor)
    width, height = -(-header.width // factor), -(-header.height // factor)
    pixels_HWC = _mended(data, header, width, height)
    if pixels_HWC.shape[:2] != (height, width):
        raise undecodable(f"JPEG of another size than its header's, {header.width} x {header.height}")
    # Four bytes a pixel are Pillow's own layout: it takes these without copying them.
    mode = "L" if header.grey else "RGBX"
    return Image.frombuffer(mode, (width, height), pixels_HWC, "raw", mode, 0, 1)


def _mended(data: bytes, header: Header, width: int, height: int) -> NDArray[np.uint8]:
    """Decode; what the decoder warns of, and is no damage, is put right before it tries again."""
    for attempt in range(_MENDED_MAX + 1):
        try:
            return _simple(data, "GRAY" if header.grey else "RGBX", width, height)
        except ValueError as error:
            mended = mend(data, header, str(error)) if attempt < _MENDED_MAX else None
            if mended is None:
                raise
            data = mended
    raise AssertionError("the last attempt returns or raises")


def _simple(data: bytes, colorspace: str, width: int, height: int) -> NDArray[np.uint8]:
    pixels_HWC: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data, colorspace=colorspace, min_height=height, min_width=width
    )
    return pixels_HWC
