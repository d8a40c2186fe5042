"""What the first bytes of an image tell about it, before anything is decoded."""

from enum import StrEnum
from typing import NamedTuple

from model.pictures.errors import Refusal, RefusedPicture


class Format(StrEnum):
    """The formats that are read."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


class Header(NamedTuple):
    """Format and size, in pixels, as stored: before any EXIF rotation. Neither side is 0."""

    format: Format
    width: int
    height: int
    grey: bool = False
    """A JPEG with luminance alone. Of the other formats nothing is said."""
    orientation: int = 1
    """Orientation of a JPEG, 1 to 8. Of the other formats nothing is said: theirs may stand behind the pixels."""
    pixel_bytes: int = 4
    """Bytes that decoder and resolution of the mode hold for each pixel at their peak."""
    coefficient_bytes: int = 0
    """What a JPEG of several scans keeps of itself until the last one is read."""
    scans: int = 1
    """Of a JPEG: how often its decoder goes over the picture, at most."""
    factors: bytes = b"\x11"
    """Of a JPEG: sampling factors, a byte for each component: horizontal in its upper half, vertical in its lower."""
    scan_at: int = 0
    """Of a JPEG: where its first scan begins."""
    arithmetic: bool = False
    """Of a JPEG: coded arithmetically."""


def undecodable(message: str) -> RefusedPicture:
    """Return the refusal of what claims to be an image of a format that is read, and is broken."""
    return RefusedPicture(Refusal.UNDECODABLE, message)


def check_sides(header: Header) -> Header:
    """Return the header. Raises RefusedPicture (undecodable) where a side is 0."""
    if header.width == 0 or header.height == 0:
        raise undecodable(f"{header.format} of {header.width} x {header.height} pixels")
    return header
