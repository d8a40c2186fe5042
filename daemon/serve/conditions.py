"""What a request's conditional headers ask for: entity tags (RFC 9110, 13) and byte ranges (RFC 9110, 14)."""

import re
from dataclasses import dataclass

_TAG = re.compile(r'(?:W/)?("[^"]*")')
_RANGE = re.compile(r"bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*\Z", re.IGNORECASE)
DIGITS_MAX = 18
"""Of a position: no file has more bytes. What is longer lies beyond every end, and is not computed with."""


class UnsatisfiableRangeError(ValueError):
    """The range lies outside of the file."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes [start, end) of a file."""

    start: int
    end: int


def matches(if_none_match: str | None, etag: str) -> bool:
    """Tell whether the asker holds the representation `etag` (quoted) already; weak comparison."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def wanted_range(range_header: str | None, if_range: str | None, etag: str, size: int) -> Span | None:
    """Return the part that is asked for, None for the whole file. Raises UnsatisfiableRangeError.

    A range of another unit, a malformed one, several at once, or one meant for another version count as none.
    """
    if range_header is None or (if_range is not None and if_range.strip() != etag):
        return None
    found = _RANGE.match(range_header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(size - _position(found[2]), 0), size
    else:
        start, last = _position(found[1]), _position(found[2]) if found[2] else size
        end = min(last + 1, size)
        if last < start and found[2]:
            return None
    if start >= size or start >= end:
        raise UnsatisfiableRangeError(f"bytes {start} on are asked for, of a file of {size}")
    return Span(start, end)


def _position(digits: str) -> int:
    """Return a position, or the largest where more digits stand there than any file's could have."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= DIGITS_MAX else 10**DIGITS_MAX
