"""Which format the bytes are of: by their first bytes alone, never by what a header of the record says."""

import re

from model.pictures import jpeg, png, webp
from model.pictures.errors import Refusal, RefusedPicture
from model.pictures.header import Header
from model.pictures.strangers import describe

_OTHER_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"II\xbc", "JPEG XR"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"qoif", "QOI"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "DDS"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"FLIF", "FLIF"),
    (b"farbfeld", "farbfeld"),
    (b"icns", "ICNS"),
    (b"BPG\xfb", "BPG"),
)
_HEIF = "`heif-convert in.heic out.jpg` does it; iPhones send JPEG with Settings > Camera > Formats > Most Compatible"
_HOW = {
    "HEIC": _HEIF,
    "HEIF": _HEIF,
    "AVIF": "`avifdec in.avif out.png` does it, or Pillow from 11.3 on",
    "JPEG XL": "`djxl in.jxl out.jpg` gives back the JPEG that it was made of, `djxl in.jxl out.png` any other",
}
"""How what phones and browsers make today is converted."""
_HEIF_BRANDS = frozenset(
    (
        b"avif",
        b"avis",
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"hevx",
        b"mif1",
        b"mif2",
        b"msf1",
        b"miaf",
        b"jpeg",
    )
)
_BMP_HEADER_BYTES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_PNM = re.compile(rb"P[1-7]\s+(?:[\d#]|WIDTH)")
_TEXT_BYTES = 4096
_SVG = re.compile(rb"<(?:svg|!doctype\s+svg)[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(?:html|!doctype\s+html)[\s>]", re.IGNORECASE)


def sniff(data: bytes) -> Header:
    """Return format and size as the header tells them; nothing is decoded, whatever the size claimed.

    Raises RefusedPicture: undecodable (a JPEG, PNG or WebP that is cut or damaged in its header, or has a side of 0),
    unsupported_format (another known image format), not_an_image.
    """
    if data.startswith(b"\xff\xd8\xff") or data == b"\xff\xd8":
        return jpeg.read_header(data)
    # Four of the signature's eight bytes: the others are there to be damaged by careless transfers.
    if data.startswith(png.SIGNATURE[:4]):
        return png.read_header(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.read_header(data)
    other = _other_format(data)
    if other is not None:
        message = f"{other} is not read: convert the picture to JPEG, PNG or WebP and send that"
        message += f"; {_HOW[other]}" if other in _HOW else ""
        raise RefusedPicture(Refusal.UNSUPPORTED_FORMAT, message)
    raise RefusedPicture(Refusal.NOT_AN_IMAGE, describe(data))


def _other_format(data: bytes) -> str | None:
    """Return the name of a known format that is not read; None when it is none."""
    for magic, name in _OTHER_MAGIC:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return _heif(data)
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_BYTES:
        return "BMP"
    if data[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < int.from_bytes(data[4:6], "little") <= 256:
        return "ICO"
    if _PNM.match(data):
        return "PNM"
    return "SVG" if _is_svg(data[:_TEXT_BYTES]) else None


def _heif(data: bytes) -> str:
    """Return which of HEIF's kinds it is, by the main brand or those that it says to be compatible with."""
    brands = [data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4], "big"), 64), 4))]
    if any(brand in (b"avif", b"avis") for brand in brands):
        return "AVIF"
    return "HEIC" if any(brand[:2] in (b"he", b"hv") for brand in brands) else "HEIF"


def _is_svg(start: bytes) -> bool:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    # A page may hold a drawing, and is none.
    return text.startswith(b"<") and _SVG.search(text) is not None and _HTML.search(text) is None
