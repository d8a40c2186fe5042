"""What Spring's header mapper wrote as JSON is read as what it means, and nothing else is touched."""

import json

import pytest

from streaming.spring import BYTES_MAX, TYPES, unquoted

STRING = json.dumps({"ce_label": "java.lang.String", "n": "java.lang.Integer"}).encode()


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (b'"cat"', b"cat"),
        (b'"l\\u00f6we"', "löwe".encode()),
        (b'"a \\"b\\""', b'a "b"'),
        (b'""', b""),
        (b"cat", b"cat"),
        (b'"cat', b'"cat'),
        (b'"', b'"'),
        (b'"a" or "b"', b'"a" or "b"'),
        (b"7", b"7"),
        (b"\xff", b"\xff"),
        (b'"\\ud800"', b"\xed\xa0\x80"),
    ],
)
def test_a_quoted_text_beside_its_type(value: bytes, meant: bytes) -> None:
    assert unquoted({"ce_label": value, TYPES: STRING})["ce_label"] == meant


@pytest.mark.parametrize(
    "types",
    [b"", b"not json", b"[]", b"{}", b'{"other": "java.lang.String"}', b"[" * 20_000,
     b'{"ce_label": "java.lang.String"}' + b" " * BYTES_MAX, b"\xff"],
)  # fmt: skip
def test_without_its_type_a_quoted_text_stays(types: bytes) -> None:
    headers = {"ce_label": b'"cat"', TYPES: types}
    assert unquoted(headers) == headers
    assert unquoted({"ce_label": b'"cat"'}) == {"ce_label": b'"cat"'}


def test_names_of_headers_are_compared_in_any_case() -> None:
    assert unquoted({"ce_label": b'"cat"', TYPES: b'{"CE_Label": "java.lang.String"}'})["ce_label"] == b"cat"


def test_ids_that_were_no_strings_in_java_are_read_as_well() -> None:
    types = b'{"ce_id": "java.util.UUID", "ce_time": "java.time.Instant"}'
    headers = {"ce_id": b'"0b6e"', "ce_time": b'"2026-01-01T00:00:00Z"', TYPES: types}
    assert unquoted(headers)["ce_id"] == b"0b6e"
    assert unquoted(headers)["ce_time"] == b"2026-01-01T00:00:00Z"
