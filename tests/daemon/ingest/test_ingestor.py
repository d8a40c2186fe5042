from dataclasses import replace

import pytest

from daemon.ingest.faults import FAULT_POINTS
from daemon.ingest.observer import Pause
from streaming.buffer import BufferFullError
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError
from streaming.records import Marker, Reason
from streaming.source import UNREADABLE_OFFSETS_MAX, Committed, Partition, Unreadable
from tests.support.fake_kafka import BAD
from tests.support.ingestors import check_chain, markers

IMAGES = Partition("images", 0)


def test_records_become_entries_and_dead_letters_become_markers(rig):
    one = rig()
    one.kafka.send(10)
    one.kafka.send(2, value=BAD)
    one.kafka.send(10)
    one.turn()
    assert one.offsets() == list(range(22))
    assert check_chain(one.entries()) == 22
    assert one.letters.sent == [(0, 10), (0, 11)]
    assert [type(entry) is Marker for entry in one.entries()].count(True) == 2
    assert one.seen.counts == {"consumed": 22, "buffered": 20}
    assert one.seen.reasons == {Reason.NOT_AN_IMAGE.value: 2}
    (state,) = one.buffer.logs()
    assert (state.position, state.length) == (22, 22)


def test_nothing_is_fetched_before_it_is_known_where_to_begin(rig):
    one = rig()
    one.kafka.send(5)
    one.buffer.available = False
    one.turn(3, pass_s=3)
    assert one.source.paused == {IMAGES}
    one.buffer.available = True
    one.turn(4, pass_s=3)
    assert one.offsets() == list(range(5))


def test_kafka_away_at_the_start_is_waited_for_without_hurry(rig):
    one = rig()
    one.kafka.send(5)
    one.kafka.available = False
    waits = []
    for _ in range(5):
        waits.append(one.ingestor.run_once())
        one.clock.pass_s(0.01)
    assert waits[-1] > 0
    assert one.source.polls == 0
    assert one.ingestor.ready() == (False, "kafka: nobody there; redis: not reached yet")
    one.kafka.available = True
    one.turn(6, pass_s=3)
    assert one.offsets() == list(range(5))
    assert one.ingestor.ready() == (True, "")


@pytest.mark.parametrize("method", ["topic_ids", "bounds", "committed"])
def test_kafka_failing_at_any_question_loses_no_record_in_hand(rig, method):
    one = rig()
    one.kafka.send(30)
    one.turn(2)
    real = getattr(one.source, method)
    calls = 0

    def flaky(*args):
        nonlocal calls
        calls += 1
        if calls % 2:
            raise KafkaUnavailableError("for a moment")
        return real(*args)

    setattr(one.source, method, flaky)
    for _ in range(6):
        one.kafka.send(7)
        one.turn(4, pass_s=6)
    assert one.offsets() == list(range(72))
    assert check_chain(one.entries()) == 72


def test_records_that_were_given_out_and_not_taken_are_never_a_gap(rig):
    one = rig()
    one.kafka.send(10)
    one.turn()
    one.kafka.send(10)
    one.source.poll(0)  # given out, and lost by the caller
    one.kafka.send(10)
    one.turn(6)
    assert one.offsets() == list(range(30))


def test_a_batch_of_another_owner_makes_ours_stale_and_we_go_on_behind_it(rig):
    one = rig()
    one.kafka.send(4)
    one.turn()
    one.buffer.append(one.log(), 4, [Marker(4, 4, 0, 1, Reason.EMPTY), Marker(5, 5, 0, 1, Reason.EMPTY)], "other")
    one.kafka.send(10)
    one.turn(6)
    assert one.offsets() == list(range(14))
    assert one.seen.counts["duplicate"] == 2
    assert check_chain(one.entries()) == 14


def test_a_lost_buffer_is_noticed_at_its_restart_and_filled_from_what_is_learnt(rig):
    one = rig()
    one.kafka.send(20)
    one.turn()
    one.buffer.leave_learnt(one.log(), 12)
    one.turn(2, pass_s=6)
    assert one.kafka.committed[IMAGES] == Committed(12, "id-1")
    one.buffer.wipe()
    one.turn(4, pass_s=1.1)
    assert one.offsets() == list(range(12, 20))
    assert check_chain(one.entries(), start=12) == 20


def test_a_loss_without_a_restart_is_noticed_within_five_seconds(rig):
    one = rig()
    one.kafka.send(20)
    one.turn()
    one.buffer._data.streams.clear()
    one.turn(5, pass_s=1.3)
    assert one.offsets() == list(range(20))


def test_a_learner_that_sets_its_position_back_is_followed_also_where_there_is_no_stream(rig):
    one = rig()
    one.kafka.send(20)
    one.buffer.leave_learnt(one.log(), 20)
    one.turn(2)
    assert one.offsets() == []
    one.buffer.reset({one.log(): 12})
    one.turn(5, pass_s=1.3)
    assert one.offsets() == list(range(12, 20))
    assert check_chain(one.entries(), start=12) == 20


def test_a_record_that_comes_before_the_setting_back_is_noticed_leaves_no_hole(rig):
    one = rig()
    one.kafka.send(20)
    one.buffer.leave_learnt(one.log(), 20)
    one.turn(2)
    one.buffer.reset({one.log(): 12})
    one.kafka.send(5)
    one.turn(3)
    assert one.offsets() == list(range(12, 25))
    assert check_chain(one.entries(), start=12) == 25


def test_redis_away_is_polled_through_and_nothing_comes_twice(rig):
    one = rig()
    one.kafka.send(20)
    one.turn()
    one.buffer.available = False
    one.kafka.send(20)
    polls = one.source.polls
    one.turn(10, pass_s=0.5)
    assert one.source.polls == polls + 10
    assert one.seen.causes[-1] == {Pause.REDIS}
    assert one.source.paused == {IMAGES}
    one.buffer.available = True
    one.turn(8, pass_s=1)
    assert one.offsets() == list(range(40))
    assert one.seen.causes[-1] == frozenset()


def test_at_the_byte_limit_it_pauses_and_goes_on_below_low_water(rig):
    one = rig(bytes_max=10_000, low_water=0.5)
    one.kafka.send(500)
    one.turn(10)
    assert one.seen.causes[-1] == {Pause.BUFFER_FULL}
    stopped_at = one.buffer.position(one.log())
    assert 10_000 <= one.buffer.bytes_used() < 20_000
    one.buffer.trim(one.log(), stopped_at - 20)
    one.turn(1)
    assert one.seen.causes[-1] == {Pause.BUFFER_FULL}, "above low water it stays shut"
    assert one.ingestor.ready() == (True, "")
    one.buffer.trim(one.log(), stopped_at)
    one.turn(3)
    assert one.buffer.position(one.log()) > stopped_at


def test_a_write_that_redis_refuses_is_tried_again_after_a_wait(rig):
    one = rig()
    one.kafka.send(40)
    one.buffer.bytes_max = 5_000
    one.turn(6)
    position = one.buffer.position(one.log())
    assert 0 < position < 40
    assert one.seen.causes[-1] == {Pause.BUFFER_FULL}
    one.buffer.bytes_max = None
    one.turn(2)
    assert one.buffer.position(one.log()) == position, "not before the wait is over"
    one.turn(6, pass_s=2)
    assert one.offsets() == list(range(40))


def test_the_brake_stops_at_more_than_half_from_a_hundred_on(rig):
    one = rig(job="birds")
    one.kafka.send(50, value=BAD)
    one.kafka.send(50)
    one.turn(6)
    one.turn(2, pass_s=6)
    assert one.ingestor.ready() == (True, "")
    assert one.offsets() == list(range(100)), "nothing is concluded from so few, and half is not more than half"
    one.kafka.send(200, value=BAD)
    one.turn(6)
    position = one.buffer.position(one.log())
    assert position <= 108
    assert not one.ingestor.ready()[0]
    assert "tidemill release --brake --name one --set job=birds" in one.ingestor.ready()[1]
    one.begin()
    one.turn(4, pass_s=6)
    assert one.buffer.position(one.log()) == position, "a restart does not release it"
    one.buffer.release("one", "images", {})
    one.turn(4, pass_s=6)
    assert one.buffer.position(one.log()) > position


@pytest.mark.parametrize(
    "error",
    [KafkaUnavailableError("gone"), TopicMissingError("images.dlq", "x:1"), KafkaRefusedError("no", "s", "Do this.")],
)
def test_an_undelivered_dead_letter_holds_its_marker_back_and_is_not_sent_twice(rig, error):
    one = rig()
    one.kafka.send(5)
    one.kafka.send(1, value=BAD)
    one.kafka.send(5)
    one.letters.error = error
    one.turn(5)
    assert one.buffer.position(one.log()) == 0
    assert one.seen.causes[-1] == {Pause.DEAD_LETTERS}
    assert one.ingestor.ready()[1].startswith("dead_letters: ")
    one.letters.error = None
    one.buffer.bytes_max = 0
    one.turn(3, pass_s=3)
    assert one.buffer.position(one.log()) == 0
    one.buffer.bytes_max = None
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(11))
    assert one.letters.sent == [(0, 5)]
    assert one.ingestor.ready() == (True, "")


def test_gaps_of_the_log_are_chained_over_and_retention_is_counted(rig):
    one = rig()
    one.kafka.send(3)
    one.kafka.skip(2)
    one.kafka.send(3)
    one.turn()
    one.kafka.send(10)
    one.kafka.expire(12)
    one.turn(6)
    entries = {entry.offset: entry for entry in one.entries()}
    assert (entries[5].after, entries[5].expired) == (3, 0)
    assert (entries[12].after, entries[12].expired) == (8, 4)
    assert check_chain(one.entries()) == 18
    one.kafka.send(10)
    one.turn()
    assert sum(entry.expired for entry in one.entries()) == 4
    assert check_chain(one.entries()) == 28


def test_at_the_end_of_a_log_of_markers_nothing_is_behind(rig):
    one = rig()
    one.kafka.send(3)
    one.kafka.skip(4)
    one.turn(4, pass_s=6)
    assert one.seen.lags["images", 0] == 0
    (state,) = one.buffer.logs()
    assert (state.position, state.end) == (3, 3)


@pytest.mark.parametrize(
    ("tail", "learnt", "committed", "start"),
    [
        (9, 7, Committed(5, "id-1"), 9),
        (0, 7, Committed(5, "id-1"), 7),
        (0, 0, Committed(5, "id-1"), 0),
        (0, None, Committed(5, "id-1"), 5),
        (0, None, Committed(5, "id-0"), 2),
        (0, None, Committed(5, "id-1/1"), 2),
        (0, None, None, 2),
    ],
)
def test_where_to_start(rig, tail, learnt, committed, start):
    one = rig()
    one.kafka.send(12)
    one.kafka.expire(2)
    if tail:
        one.buffer.append(one.log(), 0, [Marker(tail - 1, tail - 1, 0, 1, Reason.EMPTY)], "other")
    if learnt is not None:
        one.buffer.leave_learnt(one.log(), learnt)
    if committed is not None:
        one.kafka.committed[IMAGES] = committed
    one.turn()
    first = next(entry for entry in one.entries() if not isinstance(entry, Marker))
    assert first.after == start
    assert first.offset == max(start, 2)
    assert first.expired == max(0, 2 - start)


def test_a_commit_of_an_earlier_incarnation_does_not_count(rig):
    one = rig()
    one.kafka.send(12)
    one.buffer.open_incarnation("images", "id-1", 0, 1)
    one.kafka.committed[IMAGES] = Committed(5, "id-1")
    one.turn()
    assert one.offsets(one.log(0, incarnation=1)) == list(range(12))


def test_the_brake_is_looked_at_before_anything_is_taken_also_when_redis_comes_late(rig):
    one = rig()
    one.kafka.send(200, value=BAD)
    one.turn(6)
    position = one.buffer.position(one.log())
    one.buffer.available = False
    one.begin()
    one.turn(1, pass_s=1)
    one.turn(2)  # the duties are done meanwhile, without Redis
    one.buffer.available = True
    one.turn(3, pass_s=1)
    assert one.buffer.position(one.log()) == position


def test_a_truncated_log_stops_alone_and_goes_on_as_the_next_incarnation(rig):
    one = rig(partitions=2, job="birds")
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.buffer.append(one.log(), 0, [Marker(99, 99, 0, 1, Reason.EMPTY)], "other")
    one.turn(6, pass_s=6)
    assert one.offsets(one.log(1)) == list(range(5))
    assert one.buffer.position(one.log()) == 100
    assert one.seen.halted == {("images", 0): True}
    assert "tidemill release --partition images:0 --set job=birds" in one.ingestor.ready()[1]
    one.buffer.open_incarnation("images", "id-1", 0, 1)
    one.turn(4, pass_s=6)
    assert one.offsets(one.log(0, incarnation=1)) == list(range(5))
    assert one.seen.halted == {("images", 0): False}
    assert one.ingestor.ready() == (True, "")


def test_a_truncation_that_the_brokers_tell_of_stops_the_partition(rig):
    one = rig(partitions=2)
    one.kafka.send(5)
    one.turn()
    one.source.truncated = frozenset({IMAGES})
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.turn()
    assert one.offsets() == list(range(5))
    assert one.offsets(one.log(1)) == list(range(5))
    assert not one.ingestor.ready()[0]


def test_a_truncation_outlasts_the_consumer_that_told_of_it(rig):
    one = rig(partitions=2)
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.turn()
    one.source.truncated = frozenset({IMAGES})
    one.turn()
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.source.poison[Partition("images", 1)] = BROKEN
    one.turn(6, pass_s=6)
    assert one.offsets(one.log(1)) == list(range(10)), "the consumer was made anew for the other partition"
    assert one.offsets() == list(range(5))
    assert "images:0 is truncated" in one.ingestor.ready()[1]
    one.buffer.open_incarnation("images", "id-1", 0, 1)
    one.turn(4, pass_s=6)
    assert one.offsets(one.log(0, incarnation=1)) == list(range(10))
    assert one.ingestor.ready() == (True, "")


def test_a_stuck_partition_whose_leader_is_away_keeps_nobody_from_anything(rig, monkeypatch):
    one = rig(partitions=2)
    one.source.poison[IMAGES] = WAITING["the broker cannot read it either"]
    one.kafka.send(10)
    one.turn(4, pass_s=6)

    def away(*_):
        raise KafkaUnavailableError("no leader")

    monkeypatch.setattr(one.source, "unreadable_at", away)
    one.kafka.send(5, partition=1)
    monkeypatch.setattr(one.source, "poll", lambda _timeout, real=one.source.poll: real_poll(one.source, real))
    one.turn(3, pass_s=6)
    assert [check.name for check in one.ingestor.checks() if not check.ok] == ["partitions"]


def real_poll(source, poll):
    """The double's poll looks for what cannot be read by the same method: not here."""
    source.unreadable_at, away = lambda *_: None, source.unreadable_at
    try:
        return poll(0)
    finally:
        source.unreadable_at = away


def test_a_topic_made_again_is_another_log_and_nothing_read_ahead_is_taken_for_it(rig):
    one = rig()
    one.kafka.send(5)
    one.turn()
    old = one.log()
    one.kafka.make("images")
    one.kafka.send(9)
    one.turn(6)
    assert one.log() != old
    assert one.offsets(old) == list(range(5))
    assert one.offsets() == list(range(9))
    assert check_chain(one.entries()) == 9


def test_a_topic_that_is_gone_is_waited_for(rig):
    one = rig()
    one.kafka.send(5)
    one.turn()
    gone = one.kafka.topics.pop("images")
    one.turn(3, pass_s=6)
    assert one.ingestor.ready()[1].startswith("topics: topic images does not exist")
    one.kafka.topics["images"] = gone
    one.kafka.send(3)
    one.turn(5, pass_s=6)
    assert one.offsets() == list(range(8))
    assert one.ingestor.ready() == (True, "")


BROKEN = Unreadable(5, 7, "the checksum is wrong", 300, "ab" * 32)
"""Three records in one batch that no client can read."""


def test_a_batch_that_cannot_be_read_becomes_dead_letters_of_its_offsets_and_the_rest_goes_on(rig):
    one = rig(partitions=2)
    one.kafka.send(5)
    one.turn()
    one.source.poison[IMAGES] = BROKEN
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(10))
    assert one.offsets(one.log(1)) == list(range(5))
    assert check_chain(one.entries()) == 10
    assert [(entry.offset, entry.reason) for entry in markers(one.entries())] == [
        (offset, Reason.UNREADABLE) for offset in (5, 6, 7)
    ]
    assert one.letters.sent == [(0, 5), (0, 6), (0, 7)]
    assert one.seen.reasons == {"unreadable": 3}
    assert one.ingestor.ready() == (True, "")


WAITING = {
    "the broker cannot read it either": Unreadable(5, None, "the broker answers UnknownError"),
    "nobody can tell where it ends": Unreadable(5, None, "the checksum is wrong", 300, "ab" * 32),
    "a codec is missing": Unreadable(5, 7, "Libraries for lz4 not found", 300, "ab" * 32, curable=True),
    "its header is absurd": Unreadable(5, 5 + UNREADABLE_OFFSETS_MAX, "the checksum is wrong", 300, "ab" * 32),
}


@pytest.mark.parametrize("batch", WAITING.values(), ids=WAITING.keys())
def test_what_cannot_be_accounted_for_stops_its_partition_alone_until_it_can_be_read(rig, batch):
    one = rig(partitions=2, job="birds")
    one.kafka.send(5)
    one.turn()
    one.source.poison[IMAGES] = batch
    one.kafka.send(5)
    one.kafka.send(5, partition=1)
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(5))
    assert one.offsets(one.log(1)) == list(range(5))
    is_ready, reason = one.ingestor.ready()
    assert not is_ready
    assert f"images:0 cannot be read from offset 5 on ({batch.why})" in reason
    upto = 5 if batch.last is None else batch.last
    assert f"tidemill release --partition images:0 --skip {upto} --set job=birds" in reason
    assert "delete-records" not in reason
    assert one.seen.halted == {("images", 0): True}
    polls = one.source.polls
    one.turn(5, pass_s=6)
    assert one.source.polls == polls + 5, "and the member of the group is not made anew for it each time"
    assert one.offsets() == list(range(5))
    del one.source.poison[IMAGES]
    one.turn(4, pass_s=6)
    assert one.offsets() == list(range(10))
    assert check_chain(one.entries()) == 10
    assert markers(one.entries()) == []
    assert one.seen.halted == {("images", 0): False}
    assert one.ingestor.ready() == (True, "")


def test_a_person_may_let_it_go_and_every_offset_is_accounted_for(rig):
    one = rig()
    one.kafka.send(5)
    one.turn()
    one.source.poison[IMAGES] = Unreadable(5, None, "the broker answers UnknownError")
    one.kafka.send(5)
    one.turn(4, pass_s=6)
    one.buffer.ask_skip(one.log(), 4)
    one.turn(2, pass_s=6)
    assert one.offsets() == list(range(5)), "a word for what lies before says nothing of this"
    one.source.poison[IMAGES] = Unreadable(5, 6, "the broker answers UnknownError")
    one.buffer.ask_skip(one.log(), 6)
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(10))
    assert check_chain(one.entries()) == 10
    assert [entry.offset for entry in markers(one.entries())] == [5, 6]
    assert one.letters.sent == [(0, 5), (0, 6)]
    assert one.ingestor.ready() == (True, "")


def test_a_batch_longer_than_a_word_to_skip_is_left_whole(rig):
    """The word names an offset within the batch: all of it goes, for nobody can read the rest either."""
    one = rig()
    one.source.poison[IMAGES] = replace(BROKEN, first=0, curable=True)
    one.kafka.send(10)
    one.turn(4, pass_s=6)
    one.buffer.ask_skip(one.log(), 2)
    one.turn(5, pass_s=6)
    assert [entry.offset for entry in markers(one.entries())] == list(range(8))
    assert check_chain(one.entries()) == 10


def test_what_could_not_be_read_is_given_out_again_where_it_was_not_taken_in(rig):
    one = rig()
    one.source.poison[IMAGES] = BROKEN
    one.kafka.send(10)
    one.letters.error = KafkaUnavailableError("nobody there")
    one.turn(6)
    assert one.offsets() == list(range(5))
    one.letters.error = None
    one.turn(8, pass_s=6)
    assert check_chain(one.entries()) == 10
    assert one.letters.sent == [(0, 5), (0, 6), (0, 7)]


def test_of_another_topic_with_the_same_name_nothing_is_given_up(rig):
    one = rig()
    one.source.poison[IMAGES] = BROKEN
    one.kafka.send(10)
    one.turn(3)
    one.source.poison.clear()
    one.kafka.make("images")
    one.kafka.send(10)
    one.turn(6, pass_s=6)
    assert markers(one.entries()) == []
    assert check_chain(one.entries()) == 10


def test_a_log_whose_end_is_told_too_low_is_not_truncated(rig):
    """As the embedded broker tells it: the first record of the last batch, and 0 while a transaction is open."""
    one = rig()
    one.kafka.send(8)
    one.turn()
    for told in (6, 0):
        one.source.told_ends[IMAGES] = told
        one.begin()
        one.source.told_ends[IMAGES] = told
        one.kafka.send(3)
        one.turn(5, pass_s=6)
        assert one.ingestor.ready() == (True, "")
        assert one.seen.lags["images", 0] >= 0
    assert check_chain(one.entries()) == 14


def test_what_is_revoked_is_forgotten_and_what_comes_back_is_opened_anew(rig):
    one = rig(partitions=3)
    for partition in range(3):
        one.kafka.send(5, partition=partition)
    one.turn()
    one.source.share = lambda partition: partition.partition < 2
    one.turn(2)
    assert one.seen.lags["images", 2] is None
    other = Marker(5, 5, 0, 1, Reason.EMPTY)
    one.buffer.append(one.log(2), 5, [other], "other")
    for partition in range(3):
        one.kafka.send(5, partition=partition)
    one.turn(4)
    assert one.buffer.position(one.log(2)) == 6
    one.source.share = lambda partition: True
    one.turn(4)
    for partition in range(3):
        assert one.offsets(one.log(partition)) == list(range(10))


def test_positions_are_committed_once_and_again_at_the_end(rig):
    one = rig()
    one.kafka.send(20)
    one.turn()
    one.turn(2, pass_s=6)
    assert one.kafka.committed == {}, "what is buffered only is not learnt for good"
    one.buffer.leave_learnt(one.log(), 8)
    one.turn(1, pass_s=6)
    assert one.kafka.committed == {IMAGES: Committed(8, "id-1")}
    one.kafka.committed.clear()
    one.turn(2, pass_s=6)
    assert one.kafka.committed == {}
    one.buffer.leave_learnt(one.log(), 15)
    one.ingestor.close()
    assert one.kafka.committed == {IMAGES: Committed(15, "id-1")}
    assert one.source.closed


class Killed(BaseException):
    """As kill -9: nothing runs after it."""


@pytest.mark.parametrize("point", FAULT_POINTS)
@pytest.mark.parametrize("hit", [1, 2, 3])
def test_killed_anywhere_every_record_leaves_exactly_one_entry(rig, point, hit):
    one = rig()
    for number in range(40):
        one.kafka.send(value=BAD if number % 6 == 5 else b"good")
    hits = 0

    def reached(now):
        nonlocal hits
        hits += now == point
        if hits == hit and now == point:
            raise Killed

    one.reached = reached
    one.begin()
    try:
        for _ in range(12):
            if one.buffer.position(one.log()):
                one.buffer.leave_learnt(one.log(), one.buffer.position(one.log()) - 1)
            one.turn(1, pass_s=6)
            one.kafka.send(1)
    except Killed:
        pass
    assert hits >= hit, "the point was never reached"
    one.begin()
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(one.kafka.log().end))
    assert check_chain(one.entries()) == one.kafka.log().end
    dead = {(0, entry.offset) for entry in one.entries() if isinstance(entry, Marker)}
    assert set(one.letters.sent) == dead
    assert len(one.letters.sent) <= len(dead) + 2, "only the batch in hand is sent twice"


def test_a_full_buffer_at_registration_is_not_the_end(rig):
    one = rig()
    one.kafka.send(3)
    real, refused = one.buffer.register, []

    def register(log, end):
        if len(refused) < 2:
            refused.append(log)
            raise BufferFullError("full")
        real(log, end)

    one.buffer.register = register
    one.turn(8, pass_s=3)
    assert one.offsets() == [0, 1, 2]


def test_the_lag_grows_while_redis_is_away(rig):
    one = rig()
    one.kafka.send(4)
    one.turn(8, pass_s=3)
    assert one.seen.lags["images", 0] == 0
    one.buffer.available = False
    one.turn(20, pass_s=0.5)
    one.kafka.send(6)
    one.turn(20, pass_s=0.5)
    assert one.seen.lags["images", 0] == 6
    one.buffer.available = True
    one.turn(8, pass_s=10)
    assert one.seen.lags["images", 0] == 0


def test_a_full_redis_keeps_no_lag_from_being_told(rig):
    one = rig(partitions=3)
    one.turn(8, pass_s=3)

    def full(log, end):
        raise BufferFullError("full")

    one.buffer.register = full
    one.source.pause(one.source.owned)
    for partition in range(3):
        one.kafka.send(5, partition=partition)
    one.turn(2, pass_s=6)
    assert one.seen.lags == {("images", partition): 5 for partition in range(3)}
