"""Entity tags and ranges, as RFC 9110 has them."""

import pytest

from daemon.serve.conditions import Span, UnsatisfiableRangeError, matches, wanted_range

ETAG = '"abc"'


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', "*", ' "abc" '])
def test_what_the_asker_has_matches(header):
    assert matches(header, ETAG)


@pytest.mark.parametrize("header", [None, "", '"x"', "abc", '"abcd"', '"x", W/"y"'])
def test_what_it_has_not_does_not(header):
    assert not matches(header, ETAG)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-3", (0, 4)),
        ("bytes=3-3", (3, 4)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=2-99", (2, 10)),
        ("BYTES = 0 - 3", (0, 4)),
    ],
)
def test_a_range_is_part_of_the_file(header, span):
    assert wanted_range(header, None, ETAG, 10) == Span(*span)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "lines=0-3", "bytes=3-1", "bytes=a-b", "bytes=0-1,3-4"]
)
def test_what_is_no_range_is_the_whole_file(header):
    assert wanted_range(header, None, ETAG, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_beyond_the_end_cannot_be_had(header):
    with pytest.raises(UnsatisfiableRangeError):
        wanted_range(header, None, ETAG, 10)


@pytest.mark.parametrize("if_range", ['"old"', 'W/"abc"', "Mon, 02 Nov 2026 10:00:00 GMT"])
def test_a_range_of_another_version_is_the_whole_file(if_range):
    assert wanted_range("bytes=0-3", if_range, ETAG, 10) is None
    assert wanted_range("bytes=10-", if_range, ETAG, 10) is None


def test_a_range_of_this_version_is_given():
    assert wanted_range("bytes=0-3", ETAG, ETAG, 10) == Span(0, 4)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-" + "9" * 5_000, (0, 10)),
        ("bytes=-" + "9" * 5_000, (0, 10)),
        ("bytes=" + "0" * 5_000 + "-" + "0" * 5_000 + "3", (0, 4)),
    ],
)
def test_a_position_of_any_length_is_a_position(header, span):
    assert wanted_range(header, None, ETAG, 10) == Span(*span)


def test_a_start_of_any_length_lies_beyond_the_end():
    with pytest.raises(UnsatisfiableRangeError) as caught:
        wanted_range("bytes=" + "9" * 5_000 + "-", None, ETAG, 10)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("header", ["bytes=0-\u0663", "bytes=\u0661-", "bytes=\u00b2-3"])
def test_digits_of_other_scripts_are_none(header):
    assert wanted_range(header, None, ETAG, 10) is None
