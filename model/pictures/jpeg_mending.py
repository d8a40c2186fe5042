"""Whole JPEGs that a strict decoder warns of: only what it names is put right, and only where that loses nothing."""

import re

from model.pictures.header import Header
from model.pictures.jpeg_scans import segments_from

_PADDING = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")
_PADDING_MAX = 4096
"""Frames are padded to 4 bytes, to 64, or to a block of a disk."""
_SCAN_PARAMETERS = "Invalid SOS parameters for sequential JPEG"
_JFIF_REVISION = "unknown JFIF revision number"
_ADOBE_TRANSFORM = "Unknown Adobe color transform code"
_SOS, _EOI, _APP0, _APP14 = 0xDA, 0xD9, 0xE0, 0xEE
_WHOLE_SPECTRUM = b"\0\x3f\0"
"""The parameters of a sequential scan: the standard and decoders know no others, some cameras write others."""
_TRANSFORMS = {3: 1, 4: 2}
"""What decoders take an unknown transform for: YCbCr of three components, YCCK of four."""


def mend(data: bytes, header: Header, complaint: str) -> bytes | None:
    """Return a copy without that which a strict decoder complained of; None where that is damage, or anything else."""
    padding = _PADDING.search(complaint)
    if padding is not None:
        return _without_padding(data, header, int(padding[1]))
    if _SCAN_PARAMETERS in complaint:
        return _with_scan_parameters(data, header)
    if _JFIF_REVISION in complaint:
        return _changed(data, header, _APP0, b"JFIF\0", 5, 1)
    if _ADOBE_TRANSFORM in complaint:
        return _changed(data, header, _APP14, b"Adobe", 11, _TRANSFORMS.get(len(header.factors), 0))
    return None


def _without_padding(data: bytes, header: Header, named: int) -> bytes | None:
    """Take as many bytes as were named from before the end of image, if all of them are zero.

    How many a decoder names hangs on how far it had read ahead, so it is its number that counts, not all zeros: the
    last byte of the picture may be one.
    """
    end = next((segment.at for segment in segments_from(data, header.scan_at) if segment.marker == _EOI), None)
    if end is None or not 0 < named <= _PADDING_MAX:
        return None
    while data[end - 1] == 0xFF:
        end -= 1
    if data[end - named : end] != bytes(named):
        return None
    return data[: end - named] + data[end:]


def _with_scan_parameters(data: bytes, header: Header) -> bytes:
    mended = bytearray(data)
    for segment in segments_from(data, header.scan_at):
        if segment.marker == _SOS:
            mended[segment.end - 3 : segment.end] = _WHOLE_SPECTRUM
    return bytes(mended)


def _changed(data: bytes, header: Header, marker: int, name: bytes, place: int, value: int) -> bytes | None:
    """Set the byte at `place` of the content of each segment of this marker and name before the first scan."""
    mended = bytearray(data)
    for segment in segments_from(data[: header.scan_at], 2):
        content = segment.at + 4
        if segment.marker == marker and data.startswith(name, content) and segment.end > content + place:
            mended[content + place] = value
    return None if mended == data else bytes(mended)
