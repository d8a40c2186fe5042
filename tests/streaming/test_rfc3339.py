"""RFC 3339, to the letter."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.rfc3339 import parse_ms, plausible_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1970-01-01T00:00:00Z", 0),
        (b"1970-01-01t00:00:00z", 0),
        (b"1970-01-01 00:00:00+00:00", 0),
        (b"1970-01-01T00:00:00-00:00", 0),
        (b"1970-01-01T01:30:00+01:30", 0),
        (b"1969-12-31T23:00:00-01:00", 0),
        (b"1970-01-01T00:00:00.5Z", 500),
        (b"1970-01-01T00:00:00.0019Z", 1),
        (b"1970-01-01T00:00:00.123456789Z", 123),
        (b"1969-12-31T23:59:59.999Z", -1),
        (b"1985-04-12T23:20:50.52Z", 482196050520),
        (b"1996-12-19T16:39:57-08:00", 851042397000),
        (b"1990-12-31T23:59:60Z", 662688000000),
        (b"2024-02-29T00:00:00Z", 1709164800000),
        (b"0001-01-01T00:00:00Z", -62_135_596_800_000),
        (b"9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_times_are_read(text: bytes, expected: int) -> None:
    assert parse_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"", b"now", b"0", b"1700000000", b"2026-11-24", b"20261124T010203Z", b"2026-11-24T01:02:03",
        b"2026-11-24T01:02Z",
        b"2026-11-24T01:02:03.Z", b"2026-11-24T01:02:03,5Z", b"2026-11-24T01:02:03+0100", b"2026-11-24T01:02:03+24:00",
        b"2026-11-24T01:02:03+01:60", b"2026-11-24T24:00:00Z", b"2026-11-24T00:60:00Z", b"2026-11-24T00:00:61Z",
        b"2026-13-01T00:00:00Z", b"2026-00-01T00:00:00Z", b"2026-02-29T00:00:00Z", b"2026-04-31T00:00:00Z",
        b"0000-01-01T00:00:00Z", b"0001-01-01T00:00:00+00:01", b"9999-12-31T23:59:59-00:01", b"9999-12-31T23:59:60Z",
        b" 2026-11-24T01:02:03Z", b"2026-11-24T01:02:03Z\n", b"2026-W48-2T00:00:00Z", b"-2026-11-24T01:02:03Z",
        b"1970-01-01T00:00:00." + b"0" * 31 + b"Z", "\uff12026-11-24T01:02:03Z".encode(),
    ],
)  # fmt: skip
def test_what_is_not_to_the_letter_is_none(text: bytes) -> None:
    assert parse_ms(text) is None


@given(st.datetimes(timezones=st.timezones().map(lambda _: datetime.UTC)))
def test_it_agrees_with_datetime(moment: datetime.datetime) -> None:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    expected = (moment - epoch) // datetime.timedelta(milliseconds=1)
    assert parse_ms(moment.isoformat().encode()) == expected


@given(st.binary(max_size=40))
def test_any_bytes_are_a_time_or_none(text: bytes) -> None:
    parse_ms(text)


def test_plausible_timestamps() -> None:
    assert [plausible_ms(value) for value in (-1, 0, 253_402_300_799_999, 253_402_300_800_000)] == [
        False,
        True,
        True,
        False,
    ]
