"""Memory for decoders: what a picture will take, from its header alone, and a room that all threads share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model.pictures.header import Format, Header

DECODE_BYTES_MAX = 150_000_000
"""A WebP of 12, a PNG of 37 (18 with opacity), a progressive JPEG of 49 million pixels."""
FREE_BYTES = 1_000_000
"""What takes no more than this is let in without counting: thousands of small pictures a second pass here."""
_ROW_BYTES = 16
"""Pillow keeps a pointer to each row, in two images at a time."""
_REDUCED_SIDE = 8
"""Whole pixels are averaged first from eight times the target on: no side of what is left for the filter is longer."""


def decode_bytes(header: Header, size: int, factor: int = 1) -> int:
    """Return the bytes that decoding takes at its peak, the reduction to `size` x `size` included.

    `factor`: by how much the JPEG decoder itself shrinks. Of the encoded bytes nothing is counted.
    """
    width, height = -(-header.width // factor), -(-header.height // factor)
    rows = min(height, _REDUCED_SIDE * size)
    filtered = 4 * rows * (min(width, _REDUCED_SIDE * size) + size)
    whole = width * height * header.pixel_bytes + height * _ROW_BYTES
    if header.format is Format.WEBP:  # the reduction begins when the decoder's two canvases are gone
        return max(whole, width * height * 8 + filtered)
    return header.coefficient_bytes + whole + filtered


class Room:
    """So many bytes for all decoders together: who needs more than is free waits until others are done."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, wanted: int) -> Iterator[None]:
        """Hold `wanted` bytes for the length of the block. Raises ValueError where it is more than there is at all."""
        if wanted > self.bytes_max:
            raise ValueError(f"{wanted} bytes wanted of {self.bytes_max}")
        if wanted <= FREE_BYTES:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._taken + wanted <= self.bytes_max)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()
