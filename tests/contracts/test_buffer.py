"""The buffer's contract, held by the one in memory and by the one in a real Redis."""

import uuid
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming.buffer import (
    BATCH_ENTRIES_MAX,
    BATCH_PIXEL_BYTES_MAX,
    Appended,
    Blame,
    BufferMisconfiguredError,
    IngestBuffer,
    LearnBuffer,
    Outcomes,
    Stale,
)
from streaming.entries import OFFSET_MAX
from streaming.memory_buffer import MemoryBuffer
from streaming.records import Log, Marker, Reason, Sample
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.support.entries import LOG, marker, offsets, sample, samples, timeless

NOW_MS = 1_795_000_000_000
BRAKE = "ingestor-1"


@dataclass
class Sides:
    ingest: IngestBuffer
    learn: LearnBuffer


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def buffer(request):
    if request.param == "memory":
        memory = MemoryBuffer(now_ms=lambda: NOW_MS)
        yield Sides(memory, memory)
        return
    connection = RedisConnection(request.getfixturevalue("redis_url"))
    yield Sides(RedisIngestBuffer(connection, "job", lambda: NOW_MS), RedisLearnBuffer(connection, "job"))
    connection.close()


@pytest.fixture
def ingestor_of(request, buffer):
    """`ingestor_of(ahead_ms)` is an ingestor's side on a host whose clock is so far ahead of the buffer's."""
    if isinstance(buffer.ingest, MemoryBuffer):
        yield lambda _ahead_ms: buffer.ingest
        return
    connection = RedisConnection(request.getfixturevalue("redis_url"))
    yield lambda ahead_ms: RedisIngestBuffer(connection, "job", lambda: buffer.learn.vitals().now_ms + ahead_ms)
    connection.close()


def test_position_is_zero_without_a_stream(buffer):
    assert buffer.ingest.position(LOG) == 0


def test_append_moves_the_position_behind_the_last_offset(buffer):
    assert buffer.ingest.append(LOG, 0, samples(range(3)), BRAKE) == Appended(3)
    assert buffer.ingest.position(LOG) == 3
    assert buffer.ingest.append(LOG, 3, samples([3, 7, 9]), BRAKE) == Appended(10)
    assert buffer.ingest.position(LOG) == 10


def test_entries_come_back_as_they_went_in(buffer):
    odd = Sample(
        offset=5,
        after=2,
        expired=3,
        buffered_ms=NOW_MS,
        label="Möwe \N{BIRD}",
        sample_id="a b\nc",
        source="",
        event_time_ms=-1,
        pixels=bytes(range(256)) * 3,
    )
    entries = [odd, Marker(6, 6, 0, NOW_MS, Reason.TOO_LARGE), *(marker(7 + i) for i in range(len(Reason)))]
    buffer.ingest.append(LOG, 0, entries, BRAKE)
    assert timeless(buffer.learn.read(LOG, 0, 100)) == timeless(entries)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_can_be_buffered(buffer, reason):
    entry = Marker(0, 0, 0, NOW_MS, reason)
    buffer.ingest.append(LOG, 0, [entry], BRAKE)
    assert timeless(buffer.learn.read(LOG, 0, 1)) == timeless([entry])


def test_the_first_batch_may_start_anywhere(buffer):
    assert buffer.ingest.append(LOG, 0, samples(range(500, 503)), BRAKE) == Appended(503)
    assert offsets(buffer.learn.read(LOG, 0, 10)) == [500, 501, 502]


@pytest.mark.parametrize("expected", [0, 2, 4])
def test_a_batch_that_continues_from_elsewhere_writes_nothing(buffer, expected):
    buffer.ingest.append(LOG, 0, samples(range(3)), BRAKE)
    assert buffer.ingest.append(LOG, expected, samples(range(expected, expected + 5)), BRAKE) == Stale(3)
    assert offsets(buffer.learn.read(LOG, 0, 100)) == [0, 1, 2]
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(3, 0)}


def test_a_batch_after_a_loss_writes_nothing(buffer):
    assert buffer.ingest.append(LOG, 7, samples([7]), BRAKE) == Stale(0)
    assert buffer.ingest.position(LOG) == 0


def test_offsets_of_sixty_three_bits_are_told_apart(buffer):
    # Numbers beyond 2^53 that differ by one are the same number to Lua.
    first = 2**53
    assert buffer.ingest.append(LOG, 0, samples([first]), BRAKE) == Appended(first + 1)
    assert buffer.ingest.append(LOG, first, samples([first + 1]), BRAKE) == Stale(first + 1)
    assert buffer.ingest.append(LOG, first + 1, samples([OFFSET_MAX]), BRAKE) == Appended(OFFSET_MAX + 1)
    assert buffer.ingest.position(LOG) == OFFSET_MAX + 1
    assert offsets(buffer.learn.read(LOG, first + 1, 5)) == [OFFSET_MAX]
    buffer.learn.trim(LOG, OFFSET_MAX)
    assert offsets(buffer.learn.read(LOG, 0, 5)) == [OFFSET_MAX]


@pytest.mark.parametrize(
    ("expected", "entries"),
    [
        (0, []),
        (0, samples([1, 1])),
        (0, samples([2, 1])),
        (5, samples([4])),
        (0, samples([-1])),
        (0, samples([OFFSET_MAX + 1])),
        (0, samples(range(BATCH_ENTRIES_MAX + 1))),
        (0, samples(range(2), pixels=bytes(BATCH_PIXEL_BYTES_MAX // 2 + 1))),
    ],
    ids=["empty", "twice", "descending", "below", "negative", "beyond", "many", "large"],
)
def test_what_is_no_batch_is_refused(buffer, expected, entries):
    with pytest.raises(ValueError, match=r"batch|offset"):
        buffer.ingest.append(LOG, expected, entries, BRAKE)
    assert buffer.ingest.position(LOG) == 0


def test_the_largest_batch_is_taken(buffer):
    assert buffer.ingest.append(LOG, 0, samples(range(BATCH_ENTRIES_MAX)), BRAKE) == Appended(BATCH_ENTRIES_MAX)
    assert len(buffer.learn.read(LOG, 0, 2 * BATCH_ENTRIES_MAX)) == BATCH_ENTRIES_MAX


def test_logs_do_not_meet(buffer):
    others = [
        replace(LOG, partition=1),
        replace(LOG, topic="other"),
        replace(LOG, topic_id="AAAAAAAAAAAAAAAAAAAAAA"),
        replace(LOG, incarnation=1),
    ]
    buffer.ingest.append(LOG, 0, samples(range(3)), BRAKE)
    for other in others:
        assert buffer.ingest.position(other) == 0
        assert buffer.learn.read(other, 0, 10) == []
        assert buffer.ingest.append(other, 0, samples([8]), BRAKE) == Appended(9)
    assert buffer.ingest.position(LOG) == 3


def test_read_takes_a_range(buffer):
    buffer.ingest.append(LOG, 0, samples(range(0, 40, 2)), BRAKE)
    assert offsets(buffer.learn.read(LOG, 5, 3)) == [6, 8, 10]
    assert offsets(buffer.learn.read(LOG, 6, 20)) == list(range(6, 40, 2))
    assert buffer.learn.read(LOG, 39, 5) == []


def test_trim_drops_what_lies_below_and_keeps_the_position(buffer):
    buffer.ingest.append(LOG, 0, samples(range(10)), BRAKE)
    buffer.learn.trim(LOG, 4)
    assert offsets(buffer.learn.read(LOG, 0, 100)) == [4, 5, 6, 7, 8, 9]
    buffer.learn.trim(LOG, 10)
    buffer.learn.trim(LOG, 10)
    assert buffer.learn.read(LOG, 0, 100) == []
    assert buffer.ingest.position(LOG) == 10
    assert buffer.ingest.append(LOG, 0, samples(range(10)), BRAKE) == Stale(10)
    assert buffer.ingest.append(LOG, 10, samples([10]), BRAKE) == Appended(11)


def test_trim_is_exact_within_a_block(buffer):
    buffer.ingest.append(LOG, 0, samples(range(300), pixels=b""), BRAKE)
    buffer.learn.trim(LOG, 137)
    buffer.ingest.register(LOG, 300)
    assert offsets(buffer.learn.read(LOG, 0, 1)) == [137]
    assert buffer.learn.logs()[0].length == 163


def test_trim_of_nothing_does_nothing(buffer):
    buffer.learn.trim(LOG, 5)
    assert buffer.ingest.position(LOG) == 0


def test_learnt_is_what_the_learner_left(buffer):
    assert buffer.ingest.learnt(LOG) is None
    buffer.learn.leave_learnt(LOG, 0)
    assert buffer.ingest.learnt(LOG) == 0
    buffer.learn.leave_learnt(LOG, 17)
    assert buffer.ingest.learnt(LOG) == 17
    assert buffer.ingest.learnt(replace(LOG, incarnation=1)) is None


def test_what_was_left_is_told_for_registered_logs(buffer):
    other, unknown = replace(LOG, partition=1), replace(LOG, partition=2)
    buffer.ingest.register(LOG, 20)
    buffer.ingest.register(other, 20)
    assert buffer.learn.left() == {}
    buffer.learn.leave_learnt(LOG, 17)
    buffer.learn.leave_learnt(unknown, 3)
    assert buffer.learn.left() == {LOG: 17}


def test_a_new_stream_begins_no_higher_than_what_is_learnt(buffer):
    buffer.learn.leave_learnt(LOG, 100)
    assert buffer.ingest.append(LOG, 0, [replace(sample(1000), after=1000)], BRAKE) == Stale(0)
    assert buffer.ingest.append(LOG, 0, [replace(sample(101), after=101)], BRAKE) == Stale(0)
    assert (buffer.ingest.position(LOG), buffer.ingest.outcomes(BRAKE)) == (0, {})
    # Gaps of the log and what retention took lie behind `after`; an entry may be far above it.
    assert buffer.ingest.append(LOG, 0, [replace(sample(500), after=99)], BRAKE) == Appended(501)
    assert buffer.ingest.append(LOG, 501, [replace(sample(501), after=501)], BRAKE) == Appended(502)


def test_logs_are_those_registered(buffer):
    second = Log("images", LOG.topic_id, 10)
    third = Log("images", LOG.topic_id, 2, incarnation=3)
    assert buffer.learn.logs() == []
    buffer.ingest.register(second, 9)
    buffer.ingest.register(third, 0)
    buffer.ingest.register(LOG, 40)
    buffer.ingest.register(LOG, 42)
    buffer.ingest.append(LOG, 0, [sample(0, buffered_ms=111), marker(1, buffered_ms=222)], BRAKE)
    buffered = [entry.buffered_ms for entry in buffer.learn.read(LOG, 0, 2)]
    states = buffer.learn.logs()
    assert [state.log for state in states] == [LOG, third, second]
    first = states[0]
    assert (first.length, first.position, first.end, first.oldest_buffered_ms) == (2, 2, 42, buffered[0])
    assert first.bytes_used > 0
    assert (states[2].length, states[2].position, states[2].bytes_used, states[2].oldest_buffered_ms) == (0, 0, 0, None)
    buffer.learn.trim(LOG, 1)
    assert buffer.learn.logs()[0].oldest_buffered_ms == buffered[1]
    buffer.learn.trim(LOG, 2)
    state = buffer.learn.logs()[0]
    assert (state.length, state.position, state.oldest_buffered_ms, state.bytes_used) == (0, 2, None, 0)


@pytest.mark.parametrize("hours", [-24, -1, 0, 1, 24 * 365])
def test_every_time_is_told_by_the_buffers_clock_whatever_the_hosts_think(buffer, ingestor_of, hours):
    """What an entry bears, when a log was registered and the time of now: one clock, so that ages are right."""
    ahead_ms = hours * 3_600_000
    ingest = ingestor_of(ahead_ms)
    before_ms = buffer.learn.vitals().now_ms
    ingest.register(LOG, 2)
    theirs = before_ms + ahead_ms
    ingest.append(LOG, 0, [sample(0, buffered_ms=theirs), marker(1, buffered_ms=theirs)], BRAKE)
    (state,) = buffer.learn.logs()
    after_ms = buffer.ingest.vitals().now_ms
    assert before_ms <= state.registered_ms <= state.oldest_buffered_ms <= state.now_ms <= after_ms
    assert after_ms - before_ms < 60_000
    assert all(before_ms <= entry.buffered_ms <= after_ms for entry in buffer.learn.read(LOG, 0, 2))


def test_a_buffer_that_keeps_everything_says_so(buffer):
    assert buffer.ingest.vitals().unsafe == buffer.learn.vitals().unsafe == ""


def test_bytes_used_counts_registered_logs_and_falls_with_a_trim(buffer):
    other = replace(LOG, partition=1)
    for log in (LOG, other):
        buffer.ingest.register(log, 50)
        buffer.ingest.append(log, 0, samples(range(50), pixels=bytes(12_288)), BRAKE)
    full = buffer.ingest.bytes_used()
    assert 100 * 12_288 < full < 100 * 12_288 * 1.3
    assert sum(state.bytes_used for state in buffer.learn.logs()) == pytest.approx(full, rel=0.01)
    buffer.learn.trim(LOG, 50)
    buffer.learn.trim(other, 25)
    assert buffer.ingest.bytes_used() == pytest.approx(full / 4, rel=0.1)


def test_the_brake_counts_the_last_thousand(buffer):
    assert buffer.ingest.outcomes(BRAKE) == {}
    buffer.ingest.append(LOG, 0, [marker(0), sample(1), marker(2)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(3, 2)}
    assert buffer.ingest.outcomes("another") == {}
    buffer.ingest.append(LOG, 3, samples(range(3, 1000)), BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1000, 2)}
    buffer.ingest.append(LOG, 1000, samples([1000]), BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1000, 1)}
    buffer.ingest.append(LOG, 1001, [sample(1001), marker(1002)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1000, 1)}
    buffer.ingest.release(BRAKE, LOG.topic, {})
    assert buffer.ingest.outcomes(BRAKE) == {}


OTHER = replace(LOG, topic="birds")


def dead(offset, reason=Reason.UNDECODABLE):
    return Marker(offset, offset, 0, NOW_MS, reason)


def test_a_brake_counts_each_topic_apart_and_knows_whom_to_blame(buffer):
    entries = [sample(0), dead(1), dead(2, Reason.EMPTY), dead(3)]
    buffer.ingest.append(LOG, 0, entries, BRAKE, {1: "camera-1", 2: "a/b"})
    buffer.ingest.append(OTHER, 0, samples(range(5)), BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(4, 3), OTHER.topic: Outcomes(5, 0)}
    blamed = [Blame("undecodable", "camera-1"), Blame("empty", "a/b"), Blame("undecodable", "")]
    assert buffer.ingest.blamed(BRAKE, LOG.topic) == blamed
    assert buffer.ingest.blamed(BRAKE, OTHER.topic) == buffer.ingest.blamed("another", LOG.topic) == []
    buffer.ingest.append(LOG, 4, samples(range(4, 1002)), BRAKE)
    assert buffer.ingest.outcomes(BRAKE)[LOG.topic] == Outcomes(1000, 2)
    assert buffer.ingest.blamed(BRAKE, LOG.topic) == blamed[1:], "of the last thousand records alone"
    buffer.ingest.release(BRAKE, LOG.topic, {})
    assert buffer.ingest.outcomes(BRAKE) == {OTHER.topic: Outcomes(5, 0)}
    assert buffer.ingest.blamed(BRAKE, LOG.topic) == []


def test_tombstones_are_dead_letters_that_no_brake_counts(buffer):
    buffer.ingest.register(LOG, 9)
    entries = [sample(0), *(dead(offset, Reason.TOMBSTONE) for offset in range(1, 8)), dead(8)]
    buffer.ingest.append(LOG, 0, entries, BRAKE, {1: "janitor", 8: "camera-1"})
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(2, 1)}
    assert buffer.ingest.blamed(BRAKE, LOG.topic) == [Blame("undecodable", "camera-1")]
    assert buffer.learn.dead_lettered() == {LOG.topic: {"tombstone": 7, "undecodable": 1}}
    assert buffer.learn.logs()[0].dead_letters == 8


def test_what_is_let_go_counts_for_no_brake_up_to_its_end(buffer):
    buffer.ingest.append(LOG, 0, [dead(0)], BRAKE)
    buffer.ingest.release(BRAKE, LOG.topic, {LOG: 6, replace(LOG, partition=1): 2})
    buffer.ingest.append(LOG, 1, [dead(1), sample(3), dead(4)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {}
    buffer.ingest.append(LOG, 5, [dead(5), dead(6), sample(7)], "another")
    assert buffer.ingest.outcomes("another") == {LOG.topic: Outcomes(2, 1)}, "offset 6 is the first beyond"
    buffer.ingest.append(OTHER, 0, [dead(0)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {OTHER.topic: Outcomes(1, 1)}, "another topic was not let go"
    assert buffer.learn.dead_lettered()[LOG.topic] == {"undecodable": 5}, (
        "they are counted as dead letters all the same"
    )


def test_offsets_of_sixty_three_bits_are_let_go_up_to_their_end(buffer):
    first = 2**53
    buffer.ingest.release(BRAKE, LOG.topic, {LOG: first + 1})
    buffer.ingest.append(LOG, 0, [dead(first), dead(first + 1)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1, 1)}


def test_so_many_records_of_a_topic_are_let_go_whoever_takes_them_in(buffer):
    second = replace(LOG, partition=1)
    buffer.ingest.release(BRAKE, LOG.topic, {}, records=5)
    buffer.ingest.append(LOG, 0, [dead(0), dead(1, Reason.TOMBSTONE), sample(2)], BRAKE)
    buffer.ingest.append(second, 0, [dead(0), dead(1), dead(2), dead(3)], "another")
    assert buffer.ingest.outcomes(BRAKE) == {}
    assert buffer.ingest.outcomes("another") == {LOG.topic: Outcomes(1, 1)}, "a tombstone is none of the five"
    buffer.ingest.append(LOG, 3, [dead(3)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1, 1)}
    buffer.ingest.release(BRAKE, LOG.topic, {}, records=1)
    buffer.ingest.release(BRAKE, LOG.topic, {})
    buffer.ingest.append(LOG, 4, [dead(4)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1, 1)}, "the last release counts"


def test_a_batch_that_is_refused_counts_nothing(buffer):
    buffer.ingest.append(LOG, 0, samples(range(3)), BRAKE)
    buffer.ingest.release(BRAKE, LOG.topic, {}, records=2)
    assert buffer.ingest.append(LOG, 0, [dead(0)], BRAKE) == Stale(3)
    assert buffer.learn.dead_lettered() == {}
    buffer.ingest.append(LOG, 3, [dead(3), dead(4), dead(5)], BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1, 1)}


def test_samples_and_dead_letters_that_wait_are_told_apart(buffer):
    other = replace(LOG, partition=1)
    for log in (LOG, other):
        buffer.ingest.register(log, 10)
    buffer.ingest.append(LOG, 0, [sample(0), marker(1), sample(2), marker(3), marker(4)], BRAKE)
    buffer.ingest.append(other, 0, [marker(0)], BRAKE)

    def waiting():
        return [(state.samples, state.dead_letters, state.length) for state in buffer.learn.logs()]

    assert waiting() == [(2, 3, 5), (0, 1, 1)]
    buffer.learn.trim(LOG, 2)
    assert waiting() == [(1, 2, 3), (0, 1, 1)]
    buffer.learn.trim(LOG, 5)
    buffer.learn.trim(other, 1)
    assert waiting() == [(0, 0, 0), (0, 0, 0)]
    buffer.learn.reset({LOG: 2})
    buffer.ingest.append(LOG, 0, [sample(2), marker(3)], BRAKE)
    assert waiting() == [(1, 1, 2), (0, 0, 0)]
    assert buffer.learn.dead_lettered() == {LOG.topic: {"undecodable": 5}}


def test_what_no_client_can_read_counts_for_no_brake(buffer):
    """It is no producer's fault: a batch of a thousand would stop everything otherwise."""
    unreadable = [replace(marker(offset), reason=Reason.UNREADABLE) for offset in range(200)]
    buffer.ingest.append(LOG, 0, unreadable, BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {}
    assert buffer.learn.dead_lettered() == {LOG.topic: {"unreadable": 200}}, "but it is a dead letter"
    sources = {201: "camera-1", 202: "camera-2"}
    batch = [sample(200), replace(marker(201), reason=Reason.UNREADABLE), marker(202)]
    buffer.ingest.append(LOG, 200, batch, BRAKE, sources)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(2, 1)}
    assert buffer.ingest.blamed(BRAKE, LOG.topic) == [Blame("undecodable", "camera-2")]


def test_any_name_will_do_for_a_brake(buffer):
    for name in ("host.example", "{x}", "a:b c", "é", "*"):
        buffer.ingest.append(LOG, buffer.ingest.position(LOG), [marker(buffer.ingest.position(LOG))], name)
        assert buffer.ingest.outcomes(name) == {LOG.topic: Outcomes(1, 1)}


def test_a_word_to_skip_is_for_one_log_and_the_newest_counts(buffer):
    assert buffer.ingest.skip(LOG) is None
    buffer.ingest.ask_skip(LOG, 7)
    buffer.ingest.ask_skip(LOG, 5)
    assert buffer.ingest.skip(LOG) == 5
    for other in (replace(LOG, incarnation=1), replace(LOG, topic_id="other"), replace(LOG, partition=9)):
        assert buffer.ingest.skip(other) is None


def test_what_is_in_hand_is_told_until_its_own_life_puts_it_down(buffer):
    assert buffer.ingest.in_hand(LOG) == ("", "")
    buffer.ingest.take_in_hand(LOG, "one", '{"at": 5}')
    assert buffer.ingest.in_hand(LOG) == ("one", '{"at": 5}')
    assert buffer.ingest.in_hand(replace(LOG, partition=1)) == ("", "")
    buffer.ingest.put_down(LOG, "on")
    buffer.ingest.put_down(LOG, "another")
    assert buffer.ingest.in_hand(LOG) == ("one", '{"at": 5}')
    buffer.ingest.take_in_hand(LOG, "another", "")
    buffer.ingest.put_down(LOG, "one")
    assert buffer.ingest.in_hand(LOG) == ("another", "")
    buffer.ingest.put_down(LOG, "another")
    buffer.ingest.put_down(LOG, "another")
    assert buffer.ingest.in_hand(LOG) == ("", "")


def test_what_is_in_hand_is_forgotten_with_a_dead_log(buffer):
    buffer.ingest.take_in_hand(LOG, "one", "note")
    assert buffer.learn.forget(LOG) is True
    assert buffer.ingest.in_hand(LOG) == ("", "")


def test_incarnations_only_grow(buffer):
    where = (LOG.topic, LOG.topic_id, LOG.partition)
    assert buffer.ingest.incarnation(*where) == 0
    assert buffer.ingest.open_incarnation(*where, 1) == 1
    assert buffer.ingest.open_incarnation(*where, 1) == 1
    assert buffer.ingest.open_incarnation(*where, 3) == 3
    assert buffer.ingest.open_incarnation(*where, 2) == 3
    assert buffer.ingest.incarnation(*where) == 3
    assert buffer.ingest.incarnation(LOG.topic, LOG.topic_id, 1) == 0


def test_the_learner_restores_an_incarnation(buffer):
    where = (LOG.topic, LOG.topic_id, LOG.partition)
    buffer.learn.leave_learnt(replace(LOG, incarnation=2), 5)
    assert buffer.ingest.incarnation(*where) == 2
    buffer.learn.leave_learnt(LOG, 900)
    assert buffer.ingest.incarnation(*where) == 2
    assert buffer.ingest.learnt(replace(LOG, incarnation=2)) == 5


def test_a_dead_log_is_forgotten_once_it_is_empty(buffer):
    other = replace(LOG, incarnation=1)
    for log in (LOG, other):
        buffer.ingest.register(log, 2)
        buffer.ingest.append(log, 0, samples(range(2)), BRAKE)
        buffer.learn.leave_learnt(log, 2)
    assert buffer.learn.forget(LOG) is False
    buffer.learn.trim(LOG, 1)
    assert buffer.learn.forget(LOG) is False
    assert (buffer.ingest.position(LOG), buffer.ingest.learnt(LOG)) == (2, 2)
    buffer.learn.trim(LOG, 2)
    assert buffer.learn.forget(LOG) is True
    assert buffer.learn.forget(LOG) is True
    assert (buffer.ingest.position(LOG), buffer.ingest.learnt(LOG)) == (0, None)
    assert [state.log for state in buffer.learn.logs()] == [other]
    assert offsets(buffer.learn.read(other, 0, 5)) == [0, 1]


def test_reset_deletes_streams_and_sets_positions_back(buffer):
    unknown, named = replace(LOG, partition=1), replace(LOG, partition=2)
    for log in (LOG, unknown):
        buffer.ingest.register(log, 10)
        buffer.ingest.append(log, 0, samples(range(10)), BRAKE)
        buffer.learn.leave_learnt(log, 10)
    buffer.learn.reset({LOG: 4, named: 7})
    assert [buffer.ingest.position(log) for log in (LOG, unknown, named)] == [0, 0, 0]
    assert [buffer.ingest.learnt(log) for log in (LOG, unknown, named)] == [4, 0, 7]
    assert buffer.ingest.append(LOG, 10, samples([10]), BRAKE) == Stale(0)
    assert buffer.ingest.append(LOG, 0, samples([4]), BRAKE) == Appended(5)


def test_a_job_belongs_to_one_learner(buffer):
    buffer.learn.claim_ownership("state-a", adopt=False)
    buffer.learn.claim_ownership("state-a", adopt=False)
    with pytest.raises(BufferMisconfiguredError, match="state-a"):
        buffer.learn.claim_ownership("state-b", adopt=False)
    buffer.learn.claim_ownership("state-b", adopt=True)
    with pytest.raises(BufferMisconfiguredError):
        buffer.learn.claim_ownership("state-a", adopt=False)


def test_run_id_stays_while_the_server_does(buffer):
    assert buffer.ingest.run_id()
    assert buffer.ingest.run_id() == buffer.ingest.run_id() == buffer.learn.run_id()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.booleans()), max_size=25), st.randoms())
def test_redelivery_of_any_range_takes_each_record_once(buffer, deliveries, random):
    """Whatever ranges arrive, from owners with whatever position: what is in is a prefix of the log, each once."""
    log = replace(LOG, topic=f"images-{uuid.uuid4().hex}")
    brake = f"{log.topic}-brake"
    taken = 0
    for start, count, honest in deliveries:
        expected = buffer.ingest.position(log) if honest else start
        first = expected if honest else start
        answer = buffer.ingest.append(log, expected, samples(range(first, first + count)), brake)
        if expected == taken:
            taken = first + count
            assert answer == Appended(taken)
        else:
            assert answer == Stale(taken)
        if random.random() < 0.3:
            buffer.learn.trim(log, random.randint(0, taken))
        left = offsets(buffer.learn.read(log, 0, 1000))
        assert left == list(range(taken - len(left), taken))
        assert buffer.ingest.position(log) == taken
        assert buffer.ingest.outcomes(brake) == ({log.topic: Outcomes(min(taken, 1000), 0)} if taken else {})
