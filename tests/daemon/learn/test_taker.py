import numpy as np
import pytest

from daemon.learn.taker import BrokenChainError, WindowTaker, WrongSizeError, log_key
from daemon.learn.trigger import WindowLimits
from streaming.buffer import LogState
from streaming.records import Log, Marker, Reason, Sample

SIZE = 2
LIMITS = WindowLimits(samples=4, min_samples=2, max_wait_s=60)
LOG_0, LOG_1 = Log("images", "id", 0), Log("images", "id", 1)


def sample(offset, *, after=None, expired=0, size=SIZE):
    pixels = bytes([offset % 256]) * (size * size * 3)
    after = offset if after is None else after
    return Sample(offset, after, expired, 0, "cat", f"id-{offset}", "", 1000 + offset, pixels)


def marker(offset):
    return Marker(offset, offset, 0, 0, Reason.EMPTY)


class ListedBuffer:
    """The two reading calls of a LearnBuffer over plain lists; counts the reads."""

    def __init__(self, **logs):
        self.entries = {Log("images", "id", int(name[1:])): entries for name, entries in logs.items()}
        self.reads = 0
        self.now_ms = 0

    def logs(self):
        return [
            LogState(log, len(entries), entries[-1].offset + 1, entries[-1].offset + 1, 0, 0, now_ms=self.now_ms)
            for log, entries in self.entries.items()
        ]

    def read(self, log, start, count):
        self.reads += 1
        return [entry for entry in self.entries[log] if entry.offset >= start][:count]


def taker(buffer, now_ms=0, limits=LIMITS):
    buffer.now_ms = now_ms
    return WindowTaker(buffer, limits, SIZE, lambda: 0.0)


def test_a_window_holds_each_entry_once_in_the_order_of_log_and_offset():
    buffer = ListedBuffer(p0=[sample(0), marker(1), sample(2)], p1=[sample(0), sample(1)])
    window = taker(buffer).take({})
    assert [(a.log.partition, a.offset) for a in window.arrivals] == [(0, 0), (0, 2), (1, 0), (1, 1)]
    assert [(s.start, s.end, s.dead_lettered) for s in window.spans] == [(0, 3, 1), (0, 2, 0)]
    assert window.pixels_NHWC.shape == (4, SIZE, SIZE, 3)
    assert np.all(window.pixels_NHWC[1] == 2)


def test_entries_below_the_position_are_skipped():
    window = taker(ListedBuffer(p0=[sample(o) for o in range(10)])).take({log_key(LOG_0): 6})
    assert [a.offset for a in window.arrivals] == [6, 7, 8, 9]
    assert window.spans[0].start == 6


def test_a_gap_in_the_log_is_no_hole():
    window = taker(ListedBuffer(p0=[sample(0), sample(5, after=1), sample(6), sample(7)])).take({log_key(LOG_0): 0})
    assert (window.spans[0].start, window.spans[0].end) == (0, 8)


def test_a_hole_is_refused():
    buffer = ListedBuffer(p0=[sample(0), sample(5, after=3), sample(6), sample(7)])
    with pytest.raises(BrokenChainError, match="continues from offset 3, but only what lies below 1"):
        taker(buffer).take({log_key(LOG_0): 0})


def test_what_retention_took_is_reported():
    entries = [sample(0), sample(9, after=1, expired=8), sample(10), sample(11)]
    window = taker(ListedBuffer(p0=entries)).take({log_key(LOG_0): 0})
    assert window.spans[0].expired == 8


def test_a_window_is_at_most_twice_the_samples_and_fair_to_each_log():
    buffer = ListedBuffer(p0=[sample(o) for o in range(30)], p1=[sample(o) for o in range(10)])
    window = taker(buffer).take({})
    assert len(window.arrivals) == 8
    assert [s.end - s.start for s in window.spans] == [6, 2]


def test_a_window_of_dead_letters_alone_advances_when_it_is_old():
    buffer = ListedBuffer(p0=[marker(0), marker(1)])
    assert taker(buffer, now_ms=59_000).take({}) is None
    window = taker(buffer, now_ms=60_000).take({})
    assert (window.spans[0].end, window.spans[0].dead_lettered, len(window.arrivals)) == (2, 2, 0)


def test_markers_that_look_like_a_full_window_are_not_read_again_and_again():
    buffer = ListedBuffer(p0=[marker(0), marker(1), marker(2), sample(3)])
    one = taker(buffer)
    assert one.take({}) is None
    reads = buffer.reads
    assert one.take({}) is None
    assert buffer.reads == reads
    buffer.entries[LOG_0] += [sample(4), sample(5), sample(6)]
    assert len(one.take({}).arrivals) == 4


def test_pixels_of_another_size_name_the_setting():
    buffer = ListedBuffer(p0=[sample(o, size=3) for o in range(4)])
    with pytest.raises(WrongSizeError, match=r"image\.size=2"):
        taker(buffer).take({})


def test_what_retention_took_after_it_was_learnt_is_not_reported():
    entries = [sample(9, after=1, expired=8), sample(10), sample(11), sample(12)]
    window = taker(ListedBuffer(p0=entries)).take({log_key(LOG_0): 6})
    assert (window.spans[0].start, window.spans[0].expired) == (6, 3)


def test_a_hurried_window_is_taken_at_the_least_allowed():
    buffer = ListedBuffer(p0=[sample(offset) for offset in range(3)])
    taker = WindowTaker(buffer, LIMITS, SIZE, lambda: 0)
    assert taker.take({}) is None
    window = taker.take({}, hurried=True)
    assert window is not None
    assert len(window.arrivals) == 3
