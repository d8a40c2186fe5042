"""What the producer sends: small pictures of a colour, no two alike, and what can never become one."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 200),
    "grey": (120, 120, 120),
    "white": (230, 230, 230),
    "black": (20, 20, 20),
    "yellow": (220, 220, 40),
    "pink": (230, 120, 200),
    "teal": (30, 140, 140),
    "brown": (110, 70, 30),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture of the size that the model sees, so that its pixels arrive as they are."""

    label: str
    png: bytes
    digest: bytes
    """Of the pixels, as the sample store computes it."""


def paint(label: str, rng: np.random.Generator, size: int) -> Picture:
    """Return a new picture of the label's colour."""
    pixels_HWC = np.clip(rng.normal(COLOURS[label], 25, (size, size, 3)), 0, 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels_HWC).save(encoded, "PNG")
    return Picture(label, encoded.getvalue(), hashlib.blake2b(pixels_HWC.tobytes(), digest_size=16).digest())
