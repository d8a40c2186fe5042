"""JPEGs of sampling factors that libjpeg-turbo's plain interface refuses: decoded by Pillow, and checked for a cut.

Pillow passes over libjpeg's warnings. A scan that ends too early is therefore found in another way: where decoding it
once more, with other bytes behind its end, gives other pixels, it needed bytes that are not there. Damage within a scan
is found only where it makes the scan run out of bytes.
"""

import re
from io import BytesIO

from PIL import Image, ImageChops
from PIL.JpegImagePlugin import JpegImageFile

from model.pictures.header import Header, undecodable
from model.pictures.jpeg_scans import segments_from

_BAND_PIXELS = 100_000
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOS, _EOI = 0xDA, 0xD9
_OTHER_BYTES = bytes((73 * index + 41) % 251 for index in range(64))
"""Without 0xff. A whole scan never reads them: libjpeg skips what stands between a scan's last bit and the marker."""


def decode(data: bytes, header: Header, factor: int) -> Image.Image:
    """Decode at 1/factor, mode L, RGB or CMYK as stored by Adobe. Raises RefusedPicture (undecodable), OSError."""
    if header.arithmetic:
        raise undecodable("JPEG of unusual sampling factors with arithmetic coding")
    if all(segment.marker != _EOI for segment in segments_from(data, header.scan_at)):
        raise undecodable("JPEG ends before its end marker")
    image = _load(data, header, factor)
    if not _same(image, _load(_with_other_ends(data, header.scan_at), header, factor)):
        raise undecodable("JPEG with a scan that ends before its last pixels")
    if image.mode == "CMYK":
        return image.convert("RGB")
    return image


def _load(data: bytes, header: Header, factor: int) -> Image.Image:
    image = JpegImageFile(BytesIO(data))
    if image.size != (header.width, header.height):
        raise undecodable(f"JPEG of another size than its header's, {header.width} x {header.height}")
    image.draft(None, (header.width // factor, header.height // factor))
    image.load()
    if image.size != (-(-header.width // factor), -(-header.height // factor)):
        raise undecodable(f"JPEG of {header.width} x {header.height} pixels that is not decoded at 1/{factor}")
    return image


def _same(one: Image.Image, other: Image.Image) -> bool:
    """Compare in bands: the difference of the whole would be held as well."""
    rows = max(1, _BAND_PIXELS // one.width)
    for top in range(0, one.height, rows):
        box = (0, top, one.width, min(top + rows, one.height))
        if ImageChops.difference(one.crop(box), other.crop(box)).getbbox() is not None:
            return False
    return True


def _with_other_ends(data: bytes, scan_at: int) -> bytes:
    """Put other bytes behind the end of each scan, and before each restart in it."""
    parts, at, in_scan = [], 0, False
    for segment in segments_from(data, scan_at):
        if in_scan:
            parts += [_RESTART.sub(lambda found: _OTHER_BYTES + found[0], data[at : segment.at]), _OTHER_BYTES]
        else:
            parts.append(data[at : segment.at])
        parts.append(data[segment.at : segment.end])
        at, in_scan = segment.end, segment.marker == _SOS
    return b"".join((*parts, data[at:]))
