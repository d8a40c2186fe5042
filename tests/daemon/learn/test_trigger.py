from daemon.learn.trigger import WindowLimits, assess
from streaming.buffer import LogState
from streaming.records import Log

LIMITS = WindowLimits(samples=100, min_samples=10, max_wait_s=60)


def state(*, length=50, position=50, end=50, oldest_ms=0, partition=0, registered_ms=60_000):
    log = Log("images", "id", partition)
    return LogState(log, length, position, end, length * 1000, oldest_ms, registered_ms)


def test_enough_samples_start_a_round_whatever_their_age():
    assert assess([state(length=100)], {}, LIMITS, now_ms=0).accepts(100, LIMITS)


def test_after_a_drift_alarm_the_least_allowed_starts_a_round():
    due = assess([state(length=10)], {}, LIMITS, now_ms=0)
    assert due.accepts(10, LIMITS, hurried=True)
    assert not due.accepts(10, LIMITS)
    assert not due.accepts(9, LIMITS, hurried=True)


def test_too_few_young_samples_wait():
    assert not assess([state(length=99)], {}, LIMITS, now_ms=59_999).accepts(99, LIMITS)


def test_the_oldest_having_waited_long_enough_starts_a_round():
    assert assess([state(length=20, end=90)], {}, LIMITS, now_ms=60_000).accepts(20, LIMITS)


def test_a_tiny_window_waits_while_more_is_on_its_way():
    assert not assess([state(length=9, position=50, end=90)], {}, LIMITS, now_ms=60_000).accepts(9, LIMITS)


def test_a_tiny_window_goes_when_every_log_is_at_its_end_and_it_is_old():
    assert assess([state(length=9)], {}, LIMITS, now_ms=60_000).accepts(9, LIMITS)
    mixed = [state(length=9), state(length=0, position=3, end=90, oldest_ms=None, partition=1)]
    assert not assess(mixed, {}, LIMITS, now_ms=60_000).accepts(9, LIMITS)


def test_age_counts_from_the_oldest_entry_of_any_log():
    states = [state(oldest_ms=50_000), state(oldest_ms=1_000, partition=1)]
    assert assess(states, {}, LIMITS, now_ms=61_000).aged
    assert not assess(states, {}, LIMITS, now_ms=60_999).aged


def test_a_lost_buffer_of_a_log_that_is_learnt_to_its_end_holds_nothing_up():
    lost = state(length=0, position=0, end=90, oldest_ms=None, partition=1)
    assert not assess([state(length=9), lost], {}, LIMITS, now_ms=60_000).at_end
    assert assess([state(length=9), lost], {lost.log: 90}, LIMITS, now_ms=60_000).at_end


def test_a_topic_that_is_gone_holds_nothing_up():
    gone = state(length=0, position=3, end=90, oldest_ms=None, partition=1, registered_ms=0)
    assert assess([state(length=9), gone], {}, LIMITS, now_ms=60_000).at_end
