"""What a record says: CloudEvents' Kafka binding, read leniently.

Order of the checks, so that a record with several faults always gets the same reason: `tombstone`, `empty`,
`too_large`, `malformed_event` (batch mode, or a structured event that cannot be read), `missing_label`,
`invalid_label`, `unknown_label`; then, in structured mode, `empty`, `too_large` and `malformed_event` for the data. The
bytes of the image are not looked at here.

Leniency: header names are compared without regard to case; of a header given twice the last counts; a header with a
null value counts as absent; what Spring quoted is unquoted (`streaming/spring.py`). Labels are normalised, so that
those that look alike are alike (`streaming/labels.py`); they are never cased.
"""

import binascii
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from streaming.labels import RAW_BYTES_MAX, UnfitLabelError, normalised
from streaming.records import Event, Reason, Record, RejectedRecord
from streaming.rfc3339 import parse_ms, plausible_ms
from streaming.spring import unquoted
from streaming.structured import StructuredEvent, parse_event

NAME_BYTES_MAX = 512
"""Ids and sources are clipped to this many bytes of UTF-8: each sample keeps its own, to be found by."""

# C0 and C1 controls, DEL, the line and paragraph separators, what turns the direction of text, and halves of surrogate
# pairs: an id or a source with one cannot stand in a log or on a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STRUCTURED = "application/cloudevents+json"
_CLOUDEVENTS = "application/cloudevents"
_STRUCTURED_OVERHEAD_BYTES = 65_536
_SENDER_BYTES_MAX = 1_000_000
"""A refused event above this is not parsed a second time to have its source."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """What either mode found, before it is checked. None: absent."""

    label: bytes | None
    sample_id: bytes | None
    source: bytes | None
    time: bytes | None


def read_event(record: Record, *, classes: frozenset[str] | None = None, max_bytes: int = 10_000_000) -> Event:
    """Return what the record says; the image stays encoded.

    `classes`: the closed list of labels; None: any. `max_bytes`: the limit on the encoded image; a structured event may
    exceed it by what base64 and its other attributes take, and is refused beyond that before it is parsed.

    The label is what `labels.normalised` makes of it: 1 to 200 bytes of UTF-8 then. An id or source that is blank, not
    UTF-8 or holds control characters counts as absent; a longer one than 512 bytes is clipped. An absent id becomes
    `<topic>/<partition>/<offset>`, an absent source empty. A time that is absent or not RFC 3339 becomes the record's
    timestamp, and that, where it is absent (-1) or beyond the year 9999, becomes 0: unknown.

    Raises RejectedRecord; see the module for the order of the checks.
    """
    if record.value is None:
        raise RejectedRecord(Reason.TOMBSTONE, "the value is null: a tombstone deletes a key and brings no image")
    if not record.value:
        raise RejectedRecord(Reason.EMPTY, "the value has no bytes")
    headers = _headers(record)
    content_type = _content_type(headers)
    if content_type == _STRUCTURED:
        return _structured(record, record.value, classes, max_bytes)
    if content_type.startswith(_CLOUDEVENTS):
        _check_size(len(record.value), max_bytes)
        raise RejectedRecord(Reason.MALFORMED_EVENT, f"{content_type!r} cannot be read; send one event, binary or JSON")
    _check_size(len(record.value), max_bytes)
    return _event(record, _binary_fields(headers), classes, record.value)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a record, as far as that can be told of one that is refused; empty where not."""

    source: str
    sample_id: str
    label: str


def sender_of(record: Record) -> Sender:
    """Return source and id of a record, whatever else is wrong with it, and its label, clipped. Never raises."""
    headers = _headers(record)
    fields = _binary_fields(headers)
    if _content_type(headers) == _STRUCTURED and record.value and len(record.value) <= _SENDER_BYTES_MAX:
        with contextlib.suppress(RejectedRecord):
            fields = _structured_fields(parse_event(record.value))
    return Sender(_name(fields.source), _name(fields.sample_id), _name(fields.label))


def _structured(record: Record, value: bytes, classes: frozenset[str] | None, max_bytes: int) -> Event:
    encoded_max = 4 * ((max_bytes + 2) // 3)
    _check_size(len(value), encoded_max + _STRUCTURED_OVERHEAD_BYTES)
    parsed = parse_event(value)
    # The label is judged before the data is decoded: it costs less, and is what producers get wrong.
    event = _event(record, _structured_fields(parsed), classes, b"")
    if parsed.data_base64 is None:
        raise RejectedRecord(Reason.EMPTY, "the event has no data_base64")
    _check_size(len(parsed.data_base64), encoded_max)
    image = _decode_base64(parsed.data_base64)
    _check_size(len(image), max_bytes)
    if not image:
        raise RejectedRecord(Reason.EMPTY, "data_base64 is empty")
    return replace(event, image=image)


def _event(record: Record, fields: _Fields, classes: frozenset[str] | None, image: bytes) -> Event:
    label = _label(fields.label)
    if classes is not None and label not in classes:
        raise RejectedRecord(
            Reason.UNKNOWN_LABEL, f"label {label!r} is not one of the {len(classes)} configured classes"
        )
    return Event(
        label=label,
        sample_id=_name(fields.sample_id) or f"{record.topic}/{record.partition}/{record.offset}",
        source=_name(fields.source),
        time_ms=_time_ms(fields.time, record.timestamp_ms),
        image=image,
    )


def _headers(record: Record) -> Mapping[str, bytes]:
    """Return the headers by lower-cased name; the last of a name counts, and a null value removes it."""
    headers = {name.lower(): value for name, value in record.headers}
    return unquoted({name: value for name, value in headers.items() if value is not None})


def _content_type(headers: Mapping[str, bytes]) -> str:
    """Return the media type without parameters, lower-cased; empty when there is none."""
    value = headers.get("content-type", b"")[:256]
    return value.decode("latin-1").partition(";")[0].strip().lower()


def _binary_fields(headers: Mapping[str, bytes]) -> _Fields:
    return _Fields(
        label=headers.get("ce_label", headers.get("label")),
        sample_id=headers.get("ce_id", headers.get("id")),
        source=headers.get("ce_source"),
        time=headers.get("ce_time"),
    )


def _structured_fields(event: StructuredEvent) -> _Fields:
    texts = (event.label, event.sample_id, event.source, event.time)
    # Lone surrogates from JSON escapes become bytes that are not UTF-8, so that one check refuses them in either mode.
    return _Fields(*(None if text is None else text.encode("utf-8", "surrogatepass") for text in texts))


def _label(value: bytes | None) -> str:
    if value is None:
        raise RejectedRecord(Reason.MISSING_LABEL, "neither ce_label nor label is given")
    if len(value) > RAW_BYTES_MAX:
        raise RejectedRecord(Reason.INVALID_LABEL, f"the label is {len(value)} bytes long; 1 to 200 are allowed")
    try:
        return normalised(value.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RejectedRecord(Reason.INVALID_LABEL, "the label is not UTF-8") from error
    except UnfitLabelError as error:
        raise RejectedRecord(Reason.INVALID_LABEL, str(error)) from error


def _name(value: bytes | None) -> str:
    """Return an id or a source fit to be kept; empty when there is none."""
    if value is None:
        return ""
    # Cut in the middle of a character, the bytes before it are still good; a fault before the cut is a fault.
    clipped = value[:NAME_BYTES_MAX]
    try:
        name = clipped.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(value) <= NAME_BYTES_MAX or error.end < len(clipped):
            return ""
        name = clipped[: error.start].decode("utf-8")
    return "" if _CONTROL.search(name) or name.isspace() else name


def _time_ms(value: bytes | None, timestamp_ms: int) -> int:
    time_ms = None if value is None else parse_ms(value)
    if time_ms is not None:
        return time_ms
    return timestamp_ms if plausible_ms(timestamp_ms) else 0


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RejectedRecord(Reason.TOO_LARGE, f"{size} bytes; {max_bytes} are allowed")


def _decode_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except ValueError as error:
        raise RejectedRecord(Reason.MALFORMED_EVENT, "data_base64 is not base64") from error
