"""Entries of the buffer for tests, with as little said as possible."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from streaming.records import Entry, Log, Marker, Reason, Sample

LOG = Log("images", "8jTiUWkgTTyrPRtbzy4wkg", 0)


def sample(offset: int, *, after: int | None = None, pixels: bytes = b"\x01\x02\x03", buffered_ms: int = 1) -> Sample:
    """Return the sample of an offset; `after` is the offset itself where no gap lies before it."""
    return Sample(
        offset=offset,
        after=offset if after is None else after,
        expired=0,
        buffered_ms=buffered_ms,
        label="cat",
        sample_id=f"images/0/{offset}",
        source="camera-1",
        event_time_ms=1_790_000_000_000 + offset,
        pixels=pixels,
    )


def marker(offset: int, *, after: int | None = None, buffered_ms: int = 1) -> Marker:
    """Return the marker of a dead letter."""
    return Marker(offset, offset if after is None else after, 0, buffered_ms, Reason.UNDECODABLE)


def samples(offsets: Iterable[int], pixels: bytes = b"\x01\x02\x03") -> list[Entry]:
    """Return the samples of the offsets."""
    return [sample(offset, pixels=pixels) for offset in offsets]


def timeless(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without the time that the buffer's clock gave them."""
    return [replace(entry, buffered_ms=0) for entry in entries]


def offsets(entries: Sequence[Entry]) -> list[int]:
    """Return the entries' offsets."""
    return [entry.offset for entry in entries]
