"""A dead letter as it lies in its topic, read back: the record that it was, and why it is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from streaming.cloudevents import Sender, sender_of
from streaming.letter_forms import Header
from streaming.records import Reason, Record

REPLAYED_FROM = "tidemill.replayed_from"
"""Header of a record that was sent again: `topic/partition/offset` of the dead letter that it was."""

_FIRST_OF_OURS = "__connect.errors.topic"
_LOST = ("value", "key", "headers")
_OF_BATCH = "tidemill.batch_"
_NUMBER_CHARS_MAX = 19


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `record` stands at its old place, with its own headers; what did not fit is missing from it."""

    place: Place
    sent_ms: int
    reason: str
    message: str
    record: Record
    lost: tuple[str, ...]
    """Which of `value`, `key` and `headers` are gone: too large for the topic, or never read by any client."""
    value_bytes: int | None
    """How long the value was; None for a null one."""
    value_sha256: str
    """Of a value that is lost; else empty."""

    @property
    def origin(self) -> Place:
        """Where the record was first."""
        return Place(self.record.topic, self.record.partition, self.record.offset)

    @property
    def unreadable(self) -> bool:
        """Whether no client could read the record: its headers then say what could be fetched of its batch."""
        return self.reason == Reason.UNREADABLE

    @property
    def loss(self) -> str:
        """What of it is gone, and why, for people; empty where it is whole."""
        if self.unreadable:
            told = {name.removeprefix(_OF_BATCH): _text(value) for name, value in self.record.headers}
            offsets = " to ".join(told[end] for end in ("first_offset", "last_offset") if end in told)
            digest = f", {told['bytes']} bytes, sha256 {told['sha256']}" if {"bytes", "sha256"} <= told.keys() else ""
            return f"it lost its bytes, for no client could read its batch (offsets {offsets}{digest})"
        if not self.lost:
            return ""
        size = "" if self.value_bytes is None else f", {self.value_bytes} bytes"
        return f"its {' and '.join(self.lost)} did not fit there and is lost{size}"

    @property
    def sender(self) -> Sender:
        """Who sent it, as far as it says so."""
        return sender_of(self.record)

    @property
    def replayed_from(self) -> str:
        """Which dead letter the record had been when it was sent again; empty where it had not."""
        return next((_text(value) for name, value in reversed(self.record.headers) if name == REPLAYED_FROM), "")


def letter_of(
    place: Place, sent_ms: int, key: bytes | None, value: bytes | None, headers: Sequence[Header], topic: str
) -> Letter | None:
    """Return the letter of a record of `topic` that lies at `place`; None for what no ingestor of ours put there."""
    names = [name for name, _ in headers]
    if _FIRST_OF_OURS not in names:
        return None
    # Ours come last: a record that was a dead letter elsewhere may have such headers of its own.
    first = len(names) - 1 - names[::-1].index(_FIRST_OF_OURS)
    ours = {name: _text(header) for name, header in headers[first:]}
    partition, offset = (_number(ours.get(f"__connect.errors.{what}", "")) for what in ("partition", "offset"))
    reason = ours.get("tidemill.reason", "")
    if ours[_FIRST_OF_OURS] != topic or partition is None or offset is None or not reason:
        return None
    # A record that nobody could read has null for all three, and nothing of them was ever known.
    lost = _LOST if reason == Reason.UNREADABLE else tuple(what for what in _LOST if f"tidemill.{what}_sha256" in ours)
    value_bytes = _number(ours.get("tidemill.value_bytes", "")) if "value" in lost else None
    return Letter(
        place=place,
        sent_ms=sent_ms,
        reason=reason,
        message=ours.get("__connect.errors.exception.message", ""),
        record=Record(topic, partition, offset, sent_ms, key, value, tuple(headers[:first])),
        lost=lost,
        value_bytes=value_bytes if value is None else len(value),
        value_sha256=ours.get("tidemill.value_sha256", "") if "value" in lost else "",
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _number(text: str) -> int | None:
    plain = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_CHARS_MAX
    return int(text) if plain else None
