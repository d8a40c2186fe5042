"""Ages of what the buffer tells: by its own clock, and by ours where that one is of no use."""

import pytest

from daemon.learn.ages import Ages
from streaming.buffer import LogState
from streaming.records import Log

HOUR_MS = 3_600_000
NOW_MS = 1_795_000_000_000


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def state(*, now_ms=NOW_MS, oldest_ms=NOW_MS, registered_ms=NOW_MS, partition=0):
    return LogState(Log("images", "id", partition), 5, 5, 5, 0, oldest_ms, registered_ms, now_ms)


def test_an_age_is_the_buffers_time_less_the_buffers_time(clock):
    (one,) = Ages(clock).look([state(now_ms=NOW_MS + 7_000, registered_ms=NOW_MS + 2_000)])
    assert (one.oldest_ms, one.registered_ms) == (7_000, 5_000)


@pytest.mark.parametrize("jump_ms", [-24 * HOUR_MS, -HOUR_MS, -1])
def test_a_clock_that_was_set_back_makes_nothing_wait_longer_than_it_did(clock, jump_ms):
    ages = Ages(clock)
    ages.look([state()])
    for second in range(1, 10):
        clock.now_s += 1
        (one,) = ages.look([state(now_ms=NOW_MS + jump_ms + 1000 * second)])
        assert one.oldest_ms == one.registered_ms == pytest.approx(1000 * second, abs=1)


def test_what_is_in_the_future_ages_from_when_it_was_first_seen(clock):
    """As an ingestor of 0.1 writes it, whose host is an hour ahead."""
    ages = Ages(clock)
    for second in range(60):
        (one,) = ages.look([state(oldest_ms=NOW_MS + HOUR_MS, registered_ms=NOW_MS + HOUR_MS + second)])
        assert one.oldest_ms == 1000 * second
        assert one.registered_ms == 0, "it is registered again and again"
        clock.now_s += 1


def test_an_entry_that_comes_first_now_begins_anew(clock):
    ages = Ages(clock)
    ages.look([state(oldest_ms=NOW_MS + HOUR_MS)])
    clock.now_s += 30
    (one,) = ages.look([state(oldest_ms=NOW_MS + HOUR_MS + 5)])
    assert one.oldest_ms == 0
    (one,) = ages.look([state(oldest_ms=None)])
    assert one.oldest_ms is None


def test_logs_that_are_gone_are_forgotten(clock):
    ages = Ages(clock)
    for partition in range(1_000):
        ages.look([state(partition=partition)])
    assert len(ages._seen) == 2
