"""How far behind a partition is, in records and in the age of the oldest one, in whatever state it is."""

import pytest

from daemon.ingest.lags import Lags
from daemon.ingest.observer import SilentObserver
from streaming.records import Record
from streaming.source import Partition

HERE = Partition("images", 0)


class Seen(SilentObserver):
    """Keeps what it is told last."""

    def __init__(self):
        self.records, self.oldest_ms = "nothing", "nothing"

    def lag(self, topic, partition, records):
        self.records = records
        if records is None:
            self.oldest_ms = "nothing"

    def oldest(self, topic, partition, timestamp_ms):
        self.oldest_ms = timestamp_ms


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def lags(seen):
    return Lags(seen, lambda: 50_000)


def record(offset, timestamp_ms):
    return Record("images", 0, offset, timestamp_ms, None, b"")


def test_where_nothing_waits_there_is_no_oldest(lags, seen):
    lags.seen(HERE, 0, 0)
    assert (seen.records, seen.oldest_ms) == (0, None)
    lags.seen(HERE, 7, 7)
    assert (seen.records, seen.oldest_ms) == (0, None)


def test_before_anything_was_polled_nothing_is_said_of_an_age(lags, seen):
    lags.seen(HERE, 0, 90)
    assert (seen.records, seen.oldest_ms) == (90, "nothing")


def test_a_record_in_hand_that_is_not_taken_is_the_oldest_to_the_millisecond(lags, seen):
    lags.polled(HERE, record(5, 31_234))
    lags.seen(HERE, 5, 8)
    assert (seen.records, seen.oldest_ms) == (3, 31_234)


def test_behind_what_was_taken_it_is_no_older_than_the_newest_taken(lags, seen):
    lags.polled(HERE, record(5, 31_000))
    lags.taken(HERE, record(6, 32_000))
    lags.seen(HERE, 7, 9)
    assert (seen.records, seen.oldest_ms) == (2, 32_000)


def test_after_a_quiet_day_it_is_no_older_than_the_last_look_that_found_nothing(lags, seen):
    lags.taken(HERE, record(6, 1_000))
    lags.seen(HERE, 7, 7)
    lags.seen(HERE, 7, 8)
    assert seen.oldest_ms == 50_000, "not the day-old record that was taken in"


def test_a_record_without_a_timestamp_says_nothing(lags, seen):
    lags.polled(HERE, record(5, -1))
    lags.seen(HERE, 5, 8)
    assert seen.oldest_ms == "nothing"
    lags.taken(HERE, record(5, -1))
    lags.seen(HERE, 6, 8)
    assert (seen.records, seen.oldest_ms) == (2, "nothing")
    lags.seen(HERE, 8, 8)
    lags.seen(HERE, 8, 9)
    assert seen.oldest_ms == 50_000


def test_while_it_is_not_read_the_log_grows_all_the_same(lags, seen):
    lags.ended(HERE, 12)
    assert seen.records == "nothing", "where it was read to is not known"
    lags.taken(HERE, record(5, 4_000))
    lags.ended(HERE, 12)
    assert (seen.records, seen.oldest_ms) == (6, 4_000)


def test_what_is_another_members_is_forgotten(lags, seen):
    lags.taken(HERE, record(5, 4_000))
    lags.seen(HERE, 6, 9)
    lags.forget(HERE)
    assert (seen.records, seen.oldest_ms) == (None, "nothing")
    lags.ended(HERE, 99)
    assert seen.records is None
