"""Which dead letters of a partition were sent again: an offset and a word beside it, as Kafka's groups commit them.

All below the offset is done with. Above it the word says which were sent: with a reason to choose by, letters are sent
from the middle. It also carries the topic's id, so that marks never count for another topic of the same name.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass, field

WORD_CHARS_MAX = 4_000
"""Brokers take 4,096 bytes (offset.metadata.max.bytes): enough for any pattern of 20,000 letters, mostly for more."""
_BITS_BYTES_MAX = 1_000_000


class ScatteredError(Exception):
    """What was sent again lies too scattered among what was not to be written down."""


@dataclass(slots=True)
class Marks:
    """What is done with: all below `low`, and of what lies above what is in `above`."""

    low: int = 0
    above: set[int] = field(default_factory=set)

    def done(self, offset: int) -> bool:
        """Return whether it was sent, or needs not be."""
        return offset < self.low or offset in self.above

    def word(self, topic_id: str) -> str:
        """Return what is committed beside `low`. Raises ScatteredError."""
        bits = bytearray((max(self.above) - self.low) // 8 + 1) if self.above else bytearray()
        for offset in self.above:
            bits[(offset - self.low) // 8] |= 1 << (offset - self.low) % 8
        word = f"{topic_id} {base64.b64encode(zlib.compress(bytes(bits), 9)).decode()}" if bits else topic_id
        if len(word) > WORD_CHARS_MAX or len(bits) > _BITS_BYTES_MAX:
            raise ScatteredError
        return word


def marks_of(offset: int, word: str, topic_id: str) -> Marks:
    """Return what was committed; nothing where that was for another topic, or is none of ours."""
    of, _, packed = word.partition(" ")
    if of != topic_id:
        return Marks()
    try:
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(base64.b64decode(packed, validate=True), _BITS_BYTES_MAX) if packed else b""
    except (binascii.Error, zlib.error):
        return Marks()
    return Marks(offset, {offset + at for at in range(8 * len(bits)) if bits[at // 8] >> at % 8 & 1})
