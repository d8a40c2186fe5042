"""W3C Trace Context of a record: valid, or none."""

import pytest

from streaming.records import Record
from streaming.trace_context import trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def record(*headers):
    return Record("images", 0, 7, 0, None, b"x", headers)


def test_the_header_is_read_with_its_state():
    found = trace_context(record(("Traceparent", PARENT.encode()), ("tracestate", b"vendor=value")))
    assert found == (PARENT, "vendor=value")


def test_the_extension_of_cloudevents_counts_where_there_is_no_header_or_an_invalid_one():
    extension = ("ce_traceparent", PARENT.encode())
    assert trace_context(record(extension)) == (PARENT, "")
    assert trace_context(record(("traceparent", b"nonsense"), extension)) == (PARENT, "")
    other = PARENT.replace("0af", "1af")
    assert trace_context(record(("traceparent", other.encode()), extension)) == (other, "")


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe",
        b"nonsense",
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{TRACE}-{SPAN}-1".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"00-{TRACE}-{SPAN}-01\n".encode(),
        f"01-{TRACE}-{SPAN}-01-{'x' * 100}".encode(),
    ],
)
def test_what_is_no_traceparent_is_ignored(value):
    assert trace_context(record(("traceparent", value))) is None


def test_a_later_version_may_have_more_fields():
    assert trace_context(record(("traceparent", f"01-{TRACE}-{SPAN}-01-more".encode()))) is not None


@pytest.mark.parametrize("state", [b"x" * 513, b"\xff", b"a=b\nc=d"])
def test_a_state_that_is_too_long_or_no_text_is_left_out(state):
    assert trace_context(record(("traceparent", PARENT.encode()), ("tracestate", state))) == (PARENT, "")
