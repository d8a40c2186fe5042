"""A Redis that may drop what it holds: the learner says so and goes on learning, which is what makes room in it."""

import pytest
from structlog.testing import capture_logs

from tests.support.learners import Bench


@pytest.fixture
def bench(tmp_path):
    one = Bench(tmp_path)
    yield one
    one.die()


def test_the_learner_says_what_redis_may_do_and_learns_on(bench):
    learner = bench.learner()
    learner.turn()
    bench.feed(170)
    bench.now_ms += 60_000
    bench.buffer.unsafe = "Redis evicts keys at maxmemory (maxmemory-policy allkeys-lru): set noeviction"
    with capture_logs() as lines:
        assert learner.turn()
    assert [line["reason"] for line in lines if "noeviction" in line["event"]] == [bench.buffer.unsafe]
    assert bench.versions() or learner.directory.ledger.last_round() == 1
    bench.buffer.unsafe = ""
    bench.now_ms += 60_000
    with capture_logs() as lines:
        learner.turn()
    assert [line for line in lines if "is back" in line["event"]]


def test_a_buffer_whose_clock_is_set_back_keeps_no_round_waiting(bench):
    learner = bench.learner()
    bench.feed(40)
    learner.turn()
    buffers_clock = bench.buffer._now_ms
    bench.buffer._now_ms = lambda: buffers_clock() - 24 * 3_600_000
    for _ in range(61):
        bench.now_ms += 1_000
        learner.turn()
    assert learner.directory.ledger.last_round() == 1
