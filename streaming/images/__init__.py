"""Encoded images to pixels of one size. Knows nothing of records' headers, Kafka or Redis."""

from streaming.images.decode import ImageDecoder
from streaming.images.header import Format, Header
from streaming.images.sniff import sniff

__all__ = ["Format", "Header", "ImageDecoder", "sniff"]
