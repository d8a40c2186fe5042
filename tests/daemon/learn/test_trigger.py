from daemon.learn.ages import Aged
from daemon.learn.trigger import WindowLimits, assess
from streaming.buffer import LogState
from streaming.records import Log

LIMITS = WindowLimits(samples=100, min_samples=10, max_wait_s=60)


def log(*, length=50, position=50, end=50, age_s=60.0, partition=0, registered_s=0.0):
    state = LogState(Log("images", "id", partition), length, position, end, length * 1000, None)
    return Aged(state, None if age_s is None else round(age_s * 1000), round(registered_s * 1000))


def test_enough_samples_start_a_round_whatever_their_age():
    assert assess([log(length=100, age_s=0)], {}, LIMITS).accepts(100, LIMITS)


def test_after_a_drift_alarm_the_least_allowed_starts_a_round():
    due = assess([log(length=10, age_s=0)], {}, LIMITS)
    assert due.accepts(10, LIMITS, hurried=True)
    assert not due.accepts(10, LIMITS)
    assert not due.accepts(9, LIMITS, hurried=True)


def test_too_few_young_samples_wait():
    assert not assess([log(length=99, age_s=59.999)], {}, LIMITS).accepts(99, LIMITS)


def test_the_oldest_having_waited_long_enough_starts_a_round():
    assert assess([log(length=20, end=90)], {}, LIMITS).accepts(20, LIMITS)


def test_a_tiny_window_waits_while_more_is_on_its_way():
    assert not assess([log(length=9, position=50, end=90)], {}, LIMITS).accepts(9, LIMITS)


def test_a_tiny_window_goes_when_every_log_is_at_its_end_and_it_is_old():
    assert assess([log(length=9)], {}, LIMITS).accepts(9, LIMITS)
    mixed = [log(length=9), log(length=0, position=3, end=90, age_s=None, partition=1)]
    assert not assess(mixed, {}, LIMITS).accepts(9, LIMITS)


def test_age_counts_from_the_oldest_entry_of_any_log():
    assert assess([log(age_s=11), log(age_s=60, partition=1)], {}, LIMITS).aged
    assert not assess([log(age_s=11), log(age_s=59.999, partition=1)], {}, LIMITS).aged


def test_a_lost_buffer_of_a_log_that_is_learnt_to_its_end_holds_nothing_up():
    lost = log(length=0, position=0, end=90, age_s=None, partition=1)
    assert not assess([log(length=9), lost], {}, LIMITS).at_end
    assert assess([log(length=9), lost], {lost.state.log: 90}, LIMITS).at_end


def test_a_topic_that_is_gone_holds_nothing_up():
    gone = log(length=0, position=3, end=90, age_s=None, partition=1, registered_s=60)
    assert assess([log(length=9), gone], {}, LIMITS).at_end
