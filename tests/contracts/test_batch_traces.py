"""Both sides of the batches' spans: in memory, and in Redis."""

import pytest

from streaming.batch_traces import BATCHES_MAX, KEPT_S, BatchTrace, MemoryBatchTraces, RedisBatchTraces
from streaming.keys import Keys
from streaming.records import Log
from streaming.redis_client import RedisConnection

LOG = Log("images", "topic-id", 0)
OTHER = Log("images", "topic-id", 1)
JOB = "job"


@pytest.fixture
def connection(redis_url):
    one = RedisConnection(redis_url)
    yield one
    one.close()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def traces(request):
    if request.param == "memory":
        return MemoryBatchTraces()
    return RedisBatchTraces(request.getfixturevalue("connection"), JOB)


def trace(first, end):
    return BatchTrace(first, end, f"00-{'a' * 32}-{end:016x}-01")


def test_nothing_is_known_of_a_log_that_nobody_traced(traces):
    assert traces.within(LOG, 0, 100) == []


def test_batches_that_overlap_a_range_are_found_in_order(traces):
    left = [trace(0, 10), trace(10, 20), trace(25, 30)]
    for one in left:
        traces.leave(LOG, one)
    traces.leave(OTHER, trace(0, 100))
    assert traces.within(LOG, 0, 30) == left
    assert traces.within(LOG, 9, 11) == left[:2]
    assert traces.within(LOG, 20, 25) == []
    assert traces.within(LOG, 29, 1000) == left[2:]


def test_only_the_newest_are_kept(traces):
    for at in range(BATCHES_MAX + 5):
        traces.leave(LOG, trace(at, at + 1))
    found = traces.within(LOG, 0, 10**9)
    assert len(found) == BATCHES_MAX
    assert found[0] == trace(5, 6)


def test_offsets_beyond_53_bits_are_told_apart(traces):
    at = 2**62
    traces.leave(LOG, trace(at, at + 1))
    assert traces.within(LOG, at, at + 1) and not traces.within(LOG, at + 1, at + 2)


def test_what_is_left_in_redis_expires_and_what_is_not_ours_is_passed_over(connection):
    traces = RedisBatchTraces(connection, JOB)
    traces.leave(LOG, trace(0, 10))
    key = Keys(JOB).traces(LOG)
    assert 0 < connection.call("TTL", key) <= KEPT_S
    connection.call("RPUSH", key, "1 2", "a b c", "1 2 nonsense", b"\xff")
    assert traces.within(LOG, 0, 10) == [trace(0, 10)]
