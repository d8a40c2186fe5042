"""Ingestors and learners of 0.1 on the same Redis, as in a rolling restart: what they write breaks nothing."""

import pytest

from streaming.buffer import ALL_TOPICS, Appended, Outcomes
from streaming.entries import stream_id, to_fields
from tests.support.entries import LOG, marker, sample, samples
from tests.support.redis_sides import BRAKE, KEYS, Both


@pytest.fixture
def buffer(redis_url):
    both = Both(redis_url)
    yield both
    both.connection.close()


def waiting(buffer):
    (state,) = buffer.learn.logs()
    return state.samples, state.dead_letters


def test_a_learner_of_0_1_trims_the_stream_alone_and_what_waits_is_counted_right(buffer, redis_server):
    buffer.ingest.register(LOG, 9)
    buffer.ingest.append(LOG, 0, [marker(0), sample(1), marker(2), sample(3), marker(4)], BRAKE)
    with redis_server.client() as client:
        client.execute_command("XTRIM", KEYS.stream(LOG), "MINID", "=", stream_id(3))
        assert waiting(buffer) == (1, 2)
        client.execute_command("XTRIM", KEYS.stream(LOG), "MINID", "=", stream_id(6))
        assert waiting(buffer) == (0, 0)


def test_a_learner_of_0_1_resets_the_stream_alone_and_appends_go_on(buffer, redis_server):
    buffer.ingest.register(LOG, 9)
    buffer.ingest.append(LOG, 0, [marker(0), marker(1), marker(2)], BRAKE)
    with redis_server.client() as client:
        client.delete(KEYS.stream(LOG))
    assert buffer.ingest.append(LOG, 0, [sample(0), marker(1)], BRAKE) == Appended(2)
    assert waiting(buffer) == (1, 1)


def test_an_ingestor_of_0_1_leaves_markers_uncounted_and_breaks_nothing(buffer, redis_server):
    buffer.ingest.register(LOG, 9)
    with redis_server.client() as client:
        client.execute_command("XADD", KEYS.stream(LOG), stream_id(1), *to_fields(marker(0)))
        client.set(KEYS.outcomes(BRAKE), "x" * 150)
    assert waiting(buffer) == (1, 0), "taken for a sample, until it is trimmed"
    assert buffer.ingest.outcomes(BRAKE) == {ALL_TOPICS: Outcomes(150, 150)}
    buffer.ingest.append(LOG, 1, samples([1]), BRAKE)
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1, 0)}, "what is newer counts"
    buffer.ingest.release(BRAKE, LOG.topic, {})
    assert buffer.ingest.outcomes(BRAKE) == {}, "a release forgets what 0.1 counted, too"
