import pytest

from daemon.cli.output import clipped
from daemon.words import clock_time, counted, lasted


@pytest.mark.parametrize(
    ("n", "words", "said"),
    [
        (0, ("window",), "0 windows"),
        (1, ("window",), "1 window"),
        (2, ("window",), "2 windows"),
        (1, ("class", "classes"), "1 class"),
        (3, ("class", "classes"), "3 classes"),
        (1, ("record waits", "records wait"), "1 record waits"),
    ],
)
def test_a_number_has_its_noun(n, words, said):
    assert counted(n, *words) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (14.2, "14 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (720, "12 min"),
        (3 * 3600, "3 h"),
        (47 * 3600, "47 h"),
        (67 * 86_400, "67 days"),
    ],
)
def test_a_duration_is_told_in_one_unit(seconds, said):
    assert lasted(seconds) == said


def test_a_time_is_of_utc():
    assert clock_time(1_790_000_000_123) == "2026-09-21 14:13:20"
    assert clock_time(None) is None


def test_what_a_producer_wrote_is_one_cell_of_one_line():
    assert clipped("cat") == "cat"
    assert clipped("") is None
    assert clipped("a\nb") == "a b"
    assert clipped("x" * 200) == "x" * 31 + "…"
