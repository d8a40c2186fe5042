"""What a record says, in either mode, and why it may not count."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.cloudevents import read_event
from streaming.records import Event, Reason, Record, RejectedRecord

IMAGE = b"\x89PNG the image"
STRUCTURED = ("content-type", b"application/cloudevents+json; charset=UTF-8")
Headers = list[tuple[str, bytes | None]]


def record(headers: Headers, value: bytes | None = IMAGE, timestamp_ms: int = 1_700_000_000_123) -> Record:
    return Record("images", 2, 41, timestamp_ms, b"key", value, tuple(headers))


def read(*headers: tuple[str, bytes | None], classes: frozenset[str] | None = None) -> Event:
    return read_event(record(list(headers)), classes=classes)


def structured(event: object, max_bytes: int = 1000, classes: frozenset[str] | None = None) -> Event:
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return read_event(record([STRUCTURED], value), classes=classes, max_bytes=max_bytes)


def refused(headers: Headers, value: bytes | None = IMAGE, classes: frozenset[str] | None = None) -> Reason:
    with pytest.raises(RejectedRecord) as caught:
        read_event(record(headers, value), classes=classes, max_bytes=1000)
    assert 0 < len(str(caught.value)) <= 1000
    return caught.value.reason


def refused_structured(event: object, max_bytes: int = 1000) -> Reason:
    with pytest.raises(RejectedRecord) as caught:
        structured(event, max_bytes)
    return caught.value.reason


def test_a_label_is_enough() -> None:
    assert read(("label", b"cat")) == Event("cat", "images/2/41", "", 1_700_000_000_123, IMAGE)


def test_every_attribute_is_read() -> None:
    event = read(
        ("ce_label", "Löwe".encode()),
        ("ce_id", b"7"),
        ("ce_source", b"/camera/1"),
        ("ce_time", b"2026-11-24T01:02:03.5Z"),
        ("ce_specversion", b"1.0"),
        ("content-type", b"image/jpeg"),
    )
    assert event == Event("Löwe", "7", "/camera/1", 1_795_482_123_500, IMAGE)


@pytest.mark.parametrize("order", [1, -1])
def test_ce_headers_beat_plain_ones_in_any_order(order: int) -> None:
    headers: Headers = [("label", b"dog"), ("ce_label", b"cat"), ("id", b"plain"), ("ce_id", b"ce")]
    event = read(*headers[::order])
    assert (event.label, event.sample_id) == ("cat", "ce")


def test_of_a_header_given_twice_the_last_counts() -> None:
    event = read(("label", b"a"), ("label", b"b"), ("ce_id", b"1"), ("CE_ID", b"2"))
    assert (event.label, event.sample_id) == ("b", "2")
    event = read(("ce_label", b"a"), ("ce_label", b"b"), ("label", b"c"))
    assert event.label == "b"


def test_header_names_are_read_in_any_case() -> None:
    event = read(("Ce_Label", b"cat"), ("ID", b"9"), ("CE_SOURCE", b"s"), ("Ce_Time", b"1970-01-01T00:00:01Z"))
    assert event == Event("cat", "9", "s", 1000, IMAGE)


def test_a_null_header_is_absent() -> None:
    assert read(("ce_label", None), ("label", b"cat")).label == "cat"
    assert refused([("label", b"cat"), ("label", None)]) is Reason.MISSING_LABEL


def test_no_label_is_missing() -> None:
    assert refused([]) is Reason.MISSING_LABEL
    assert refused([("labels", b"cat"), ("ce_label2", b"cat")]) is Reason.MISSING_LABEL


@pytest.mark.parametrize(
    "label",
    [b"", b"a" * 201, "ä".encode() * 101, b"\xff", b"\xed\xa0\x80", b"a\0", b"a\nb", b"\x7f", "a\u0085".encode(),
     "\u009b31m".encode(),
     "\u2028".encode(), "a\u2029".encode(), b" ", "\u3000 ".encode(), b"cat\r\n", b"\x1b[31mred",
     "a\u202etac".encode(), "\u2066cat".encode(), b'"cat"', b'""', '"r\u00e9d fox" '.encode()],
)  # fmt: skip
def test_unfit_labels_are_invalid(label: bytes) -> None:
    assert refused([("ce_label", label)]) is Reason.INVALID_LABEL
    assert refused([("label", b"cat"), ("ce_label", label)]) is Reason.INVALID_LABEL


@pytest.mark.parametrize(
    "label", ["a", "a" * 200, "ä" * 100, "a b", "👩‍🚀", "none", "0", "a/b", "Cat", 'a "big" cat', '"', '"a" or "b" or']
)
def test_fit_labels_are_kept_as_sent(label: str) -> None:
    assert read(("ce_label", label.encode())).label == label
    assert structured({"label": label, "data_base64": "QQ=="}).label == label


@pytest.mark.parametrize("label", [" cat", "cat ", "\u00a0cat\u3000"])
def test_labels_that_look_alike_are_one_in_either_mode(label: str) -> None:
    assert read(("ce_label", label.encode())).label == "cat"
    assert read(("label", label.encode()), classes=frozenset({"cat"})).label == "cat"
    assert structured({"label": label, "data_base64": "QQ=="}).label == "cat"


def test_a_label_is_measured_after_it_is_normalised() -> None:
    assert read(("ce_label", ("e\u0301" * 100).encode())).label == "é" * 100
    assert refused([("ce_label", b" " * 1_999 + b"cat")]) is Reason.INVALID_LABEL


def test_a_hidden_character_is_named() -> None:
    with pytest.raises(RejectedRecord, match=r"U\+200B ZERO WIDTH SPACE"):
        read(("ce_label", "cat\u200b".encode()))
    with pytest.raises(RejectedRecord, match=r"U\+FEFF ZERO WIDTH NO-BREAK SPACE"):
        structured({"label": "\ufeffcat", "data_base64": "QQ=="})


def test_what_spring_quoted_is_unquoted_in_every_attribute() -> None:
    types = {"ce_label": "java.lang.String", "ce_id": "java.lang.String", "ce_time": "java.lang.String"}
    event = read(
        ("ce_label", b'"caf\\u00e9 "'),
        ("ce_id", b'"7"'),
        ("ce_time", b'"2026-11-24T01:02:03.5Z"'),
        ("spring_json_header_types", json.dumps(types).encode()),
    )
    assert event == Event("café", "7", "", 1_795_482_123_500, IMAGE)


def test_a_structured_event_is_known_by_a_quoted_content_type() -> None:
    types = ("spring_json_header_types", b'{"content-type": "java.lang.String"}')
    headers: Headers = [("content-type", b'"application/cloudevents+json"'), types]
    value = json.dumps({"label": "cat", "data_base64": "QQ=="}).encode()
    assert read_event(record(headers, value)).label == "cat"


def test_a_closed_list_refuses_other_labels() -> None:
    classes = frozenset({"cat", "dog"})
    assert read(("label", b"cat"), classes=classes).label == "cat"
    assert refused([("label", b"Cat")], classes=classes) is Reason.UNKNOWN_LABEL
    assert refused([("label", b"cat")], classes=frozenset()) is Reason.UNKNOWN_LABEL


@pytest.mark.parametrize(("value", "reason"), [(None, Reason.TOMBSTONE), (b"", Reason.EMPTY)])
@pytest.mark.parametrize("headers", [[("label", b"cat")], [], [STRUCTURED]])
def test_a_record_without_value_is_a_tombstone_and_one_without_bytes_is_empty(
    value: bytes | None, reason: Reason, headers: Headers
) -> None:
    assert refused(headers, value) is reason


def test_too_large_comes_before_the_label() -> None:
    assert refused([], bytes(1001)) is Reason.TOO_LARGE
    assert read_event(record([("label", b"cat")], bytes(1000)), max_bytes=1000).image == bytes(1000)


def test_absent_or_unfit_ids_become_the_place_in_the_log() -> None:
    for unfit in (b"", b"  ", b"\xff", b"a\nb", b"\x1b[2J"):
        event = read(("label", b"cat"), ("ce_id", unfit), ("ce_source", unfit))
        assert (event.sample_id, event.source) == ("images/2/41", "")


def test_long_ids_and_sources_are_clipped_between_characters() -> None:
    event = read(("label", b"cat"), ("ce_id", b"x" * 511 + "ä".encode() * 9), ("ce_source", "ä".encode() * 9999))
    assert event.sample_id == "x" * 511
    assert event.source == "ä" * 256
    assert read(("label", b"c"), ("ce_id", b"ab\xff" + b"x" * 600)).sample_id == "images/2/41"


@pytest.mark.parametrize(("timestamp_ms", "expected"), [(5, 5), (0, 0), (-1, 0), (-(2**63), 0), (2**63 - 1, 0)])
def test_without_a_time_the_records_counts_if_it_has_one(timestamp_ms: int, expected: int) -> None:
    for headers in ([], [("ce_time", b"yesterday")], [("ce_time", b"")], [("ce_time", None)]):
        assert read_event(record([("label", b"cat"), *headers], IMAGE, timestamp_ms)).time_ms == expected


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents-batch+json", b"Application/CloudEvents-Batch+JSON; charset=utf-8",
     b"application/cloudevents+avro", b"application/cloudevents"],
)  # fmt: skip
def test_batches_and_other_encodings_are_malformed(content_type: bytes) -> None:
    assert refused([("content-type", content_type), ("label", b"cat")]) is Reason.MALFORMED_EVENT


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"text/plain", b"\xff\xfe", b"", b"image/png;cloudevents"]
)
def test_other_content_types_are_hints_alone(content_type: bytes) -> None:
    assert read(("content-type", content_type), ("label", b"cat")).image == IMAGE


def event_of(**changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "specversion": "1.0",
        "type": "image.labelled",
        "id": "a-1",
        "source": "/camera/1",
        "time": "2026-11-24T01:02:03.5Z",
        "datacontenttype": "image/png",
        "label": "cat",
        "data_base64": base64.b64encode(IMAGE).decode(),
    }
    whole.update(changes)
    return whole


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+json", b"Application/CloudEvents+JSON;charset=utf-8", STRUCTURED[1]]
)
def test_a_structured_event_is_read_whole(content_type: bytes) -> None:
    value = json.dumps(event_of()).encode()
    assert read_event(record([("Content-Type", content_type)], value)) == Event(
        "cat", "a-1", "/camera/1", 1_795_482_123_500, IMAGE
    )


def test_a_structured_event_needs_label_and_data_alone() -> None:
    assert structured({"label": "cat", "data_base64": "QQ=="}) == Event(
        "cat", "images/2/41", "", 1_700_000_000_123, b"A"
    )


@pytest.mark.parametrize(("label", "expected"), [(7, "7"), (True, "true"), (False, "false"), (-3, "-3")])
def test_integers_and_booleans_are_labels_as_binary_mode_would_have_them(label: object, expected: str) -> None:
    assert structured(event_of(label=label)).label == expected


@pytest.mark.parametrize("value", [[], {}, 1.5, None, 10**30])
def test_unfit_attributes_of_a_structured_event_are_absent(value: object) -> None:
    event = structured(event_of(id=value, source=value, time=value))
    assert (event.sample_id, event.source, event.time_ms) == ("images/2/41", "", 1_700_000_000_123)


@pytest.mark.parametrize(
    "value",
    [b"\x89PNG", b"not json", b"[]", b'"text"', b"null", b"{", b"[" * 30_000, b'{"label": "cat",}', b"\xff\xfe{",
     json.dumps([event_of()]).encode(), b'{"a": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_not_one_json_object_is_malformed(value: bytes) -> None:
    assert refused_structured(value, 50_000) is Reason.MALFORMED_EVENT


@pytest.mark.parametrize(
    "changes",
    [{"data_base64": "?"}, {"data_base64": "QQ"}, {"data_base64": "QQ==QQ=="}, {"data_base64": "Q Q=="},
     {"data_base64": "ä"}, {"data_base64": 7}, {"data_base64": ["QQ=="]}, {"data_base64": None, "data": "text"}],
)  # fmt: skip
def test_data_that_is_not_base64_is_malformed(changes: dict[str, object]) -> None:
    assert refused_structured(event_of(**changes)) is Reason.MALFORMED_EVENT


def test_the_other_reasons_in_structured_mode() -> None:
    assert refused_structured(event_of(data_base64=None)) is Reason.EMPTY
    assert refused_structured(event_of(data_base64="")) is Reason.EMPTY
    assert refused_structured(event_of(label=None)) is Reason.MISSING_LABEL
    assert refused_structured({"data_base64": "QQ=="}) is Reason.MISSING_LABEL
    for label in ("", "a\u0000", "\ud800", 1.5, [], {}, "ä" * 101, 10**30):
        assert refused_structured(event_of(label=label)) is Reason.INVALID_LABEL
    with pytest.raises(RejectedRecord) as caught:
        structured(event_of(), classes=frozenset({"dog"}))
    assert caught.value.reason is Reason.UNKNOWN_LABEL


def test_the_size_of_structured_data_is_limited_to_the_byte() -> None:
    for size in (9, 10, 11, 12):
        assert structured(event_of(data_base64=base64.b64encode(bytes(size)).decode()), max_bytes=size).image == bytes(
            size
        )
        assert (
            refused_structured(event_of(data_base64=base64.b64encode(bytes(size + 1)).decode()), size)
            is Reason.TOO_LARGE
        )


def test_an_oversized_structured_event_is_not_parsed() -> None:
    assert refused_structured(b"[" * 80_000) is Reason.TOO_LARGE


NAMES = st.sampled_from(
    ["label", "ce_label", "id", "ce_id", "ce_time", "ce_source", "content-type", "Content-Type", "CE_LABEL", "x"]
)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=220),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from([b"application/cloudevents+json", b"application/cloudevents-batch+json", b"2026-01-01T00:00:00Z"]),
)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
EVENTS = st.dictionaries(st.sampled_from(["label", "id", "source", "time", "data", "data_base64", "x"]), JSON)


@given(
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=8),
    value=st.one_of(st.none(), st.binary(max_size=50), EVENTS.map(lambda event: json.dumps(event).encode())),
    timestamp_ms=st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_is_an_event_within_limits_or_has_a_reason(
    headers: Headers, value: bytes | None, timestamp_ms: int
) -> None:
    try:
        event = read_event(record(headers, value, timestamp_ms))
    except RejectedRecord:
        return
    assert 1 <= len(event.label.encode()) <= 200
    assert event.label.isprintable() or not any(ord(letter) < 32 for letter in event.label)
    assert 1 <= len(event.sample_id.encode()) <= 512
    assert len(event.source.encode()) <= 512
    assert -62_135_596_800_000 <= event.time_ms <= 253_402_300_799_999
    assert event.image


def test_json_of_ten_thousand_parts_is_not_read() -> None:
    with pytest.raises(RejectedRecord, match="more than 10000 parts") as caught:
        structured(b'{"label": "cat", "a": [' + b"[]," * 10_000 + b"[]]}", max_bytes=100_000)
    assert caught.value.reason is Reason.MALFORMED_EVENT
