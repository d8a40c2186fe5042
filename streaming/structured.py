"""Structured mode: a CloudEvent as one JSON object, as far as a labelled image needs it."""

import json
from dataclasses import dataclass

from streaming.records import Reason, RejectedRecord

_PARTS_MAX = 10_000
"""Commas and brackets, wherever they stand: an event has a dozen, and each may become an object of 70 bytes."""


@dataclass(frozen=True, slots=True)
class StructuredEvent:
    """The attributes that are read. None: absent (null, too, is absent in CloudEvents)."""

    label: str | None
    sample_id: str | None
    source: str | None
    time: str | None
    data_base64: str | None


def parse_event(value: bytes) -> StructuredEvent:
    """Read one event; `label` is an extension attribute of it.

    Numbers and booleans are taken in their canonical string form, as CloudEvents defines it (`7`, `true`), because
    that is what binary mode would carry. An id, source or time of another type is absent: none of them is needed.

    Raises RejectedRecord: malformed_event for what is not one JSON object, or carries its data other than as a
    string in `data_base64`; invalid_label for a label of another type.
    """
    if sum(map(value.count, (b",", b"[", b"{"))) > _PARTS_MAX:
        raise RejectedRecord(Reason.MALFORMED_EVENT, f"the event has more than {_PARTS_MAX} parts")
    try:
        event = json.loads(value)
    # RecursionError: arrays nested a thousand deep.
    except (ValueError, RecursionError) as error:
        raise RejectedRecord(Reason.MALFORMED_EVENT, "the event is not JSON") from error
    if not isinstance(event, dict):
        raise RejectedRecord(Reason.MALFORMED_EVENT, "the event is not one JSON object")
    data = event.get("data_base64")
    if data is None and event.get("data") is not None:
        raise RejectedRecord(Reason.MALFORMED_EVENT, "the image belongs in data_base64, not in data")
    if data is not None and not isinstance(data, str):
        raise RejectedRecord(Reason.MALFORMED_EVENT, "data_base64 is not a string")
    label = event.get("label")
    if label is not None and _canonical(label) is None:
        raise RejectedRecord(Reason.INVALID_LABEL, "the label is not a string")
    return StructuredEvent(
        _canonical(label),
        _canonical(event.get("id")),
        _canonical(event.get("source")),
        _canonical(event.get("time")),
        data,
    )


def _canonical(value: object) -> str | None:
    """Return the string form of a CloudEvents attribute; None for what is not one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # CloudEvents integers have 32 bits; the bound keeps str() from being asked for a million digits.
        return str(value) if -(2**63) <= value < 2**63 else None
    return value if isinstance(value, str) else None
