"""Samples as small pictures, and as addresses that hold them."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 96
"""Pixels of a shown side; smaller pictures are enlarged without smoothing, so that one sees what the model saw."""


def png_uri(pixels_HWC: NDArray[np.uint8]) -> str:
    """Return uint8 [size, size, 3] as a data URI."""
    encoded = io.BytesIO()
    shown(pixels_HWC).save(encoded, "PNG", optimize=True)
    return data_uri("image/png", encoded.getvalue())


def shown(pixels_HWC: NDArray[np.uint8]) -> Image.Image:
    """Return uint8 [size, size, 3] as a picture of the shown side."""
    picture = Image.fromarray(pixels_HWC)
    smooth = picture.width >= SIDE
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)


def data_uri(media_type: str, content: bytes) -> str:
    """Return the content as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
