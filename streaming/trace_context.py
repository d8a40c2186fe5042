"""W3C Trace Context of a record, as its producer sent it."""

import re
from typing import NamedTuple

from streaming.records import Record

TRACESTATE_MAX = 512
"""Characters of a tracestate that is carried on: a longer one is left out, as the recommendation allows."""
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.{0,64})?")
_STATE = re.compile(rb"[\x20-\x7e\t]{0,512}")
_NAMES = frozenset({"traceparent", "tracestate", "ce_traceparent", "ce_tracestate"})


class TraceContext(NamedTuple):
    """Where a trace stood: the header `traceparent`, valid, and `tracestate`, which may be empty."""

    traceparent: str
    tracestate: str = ""


def trace_context(record: Record) -> TraceContext | None:
    """Return the trace context that a record bears; None where there is none, or none that is valid.

    The header `traceparent` is the transport's; CloudEvents' extension `ce_traceparent`, of the binary mode, counts
    where that is absent or invalid. Names are compared without regard to case; of a name given twice the last counts.
    """
    found = {name.lower(): value for name, value in record.headers if value and name.lower() in _NAMES}
    if not found:
        return None
    for prefix in ("", "ce_"):
        parent = found.get(f"{prefix}traceparent", b"")
        if valid(parent):
            state = found.get(f"{prefix}tracestate", b"")
            return TraceContext(parent.decode("ascii"), state.decode("ascii") if _STATE.fullmatch(state) else "")
    return None


def valid(traceparent: bytes) -> bool:
    """Return whether it is a traceparent: of version 00 exactly its four fields, of a later one perhaps more."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match is not None and not (match[1] is not None and traceparent.startswith(b"00"))
