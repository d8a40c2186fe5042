"""The buffer against a real Redis: losses, restarts, rivals, lost answers."""

import threading
import time

import pytest

from streaming.buffer import (
    Appended,
    BufferMisconfiguredError,
    BufferTakenError,
    BufferUnavailableError,
    Outcomes,
    Stale,
)
from streaming.entries import CorruptEntryError
from tests.support.cutting_proxy import CuttingProxy
from tests.support.entries import LOG, offsets, samples
from tests.support.redis_sides import BRAKE, KEYS, Both, each_redis


@each_redis
def test_a_crash_keeps_the_last_id_after_trimming(own_redis, program):
    server = own_redis(program=program, appendfsync="always")
    buffer = Both(server.url)
    buffer.ingest.append(LOG, 0, samples(range(50)), BRAKE)
    buffer.learn.trim(LOG, 50)
    buffer.learn.leave_learnt(LOG, 50)
    run_id = buffer.ingest.run_id()
    server.kill()
    server.start()
    assert buffer.ingest.run_id() != run_id
    assert buffer.ingest.position(LOG) == 50
    assert buffer.ingest.append(LOG, 0, samples(range(50)), BRAKE) == Stale(50)
    assert buffer.ingest.learnt(LOG) == 50


@each_redis
def test_a_rewritten_append_only_file_keeps_the_last_id_of_an_empty_stream(own_redis, program):
    server = own_redis(program=program)
    buffer = Both(server.url)
    buffer.ingest.append(LOG, 0, samples(range(50)), BRAKE)
    buffer.learn.trim(LOG, 50)
    with server.client() as client:
        client.bgrewriteaof()
        deadline = time.monotonic() + 20
        while (
            client.info("persistence")["aof_rewrite_in_progress"] or client.info("persistence")["aof_rewrite_scheduled"]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    server.stop()
    server.start()
    assert buffer.ingest.position(LOG) == 50


def test_a_wiped_redis_shows_by_its_run_id_and_position(own_redis):
    server = own_redis()
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 5)
    buffer.ingest.append(LOG, 0, samples(range(5)), BRAKE)
    run_id = buffer.ingest.run_id()
    server.wipe()
    assert buffer.ingest.run_id() != run_id
    assert buffer.ingest.position(LOG) == 0
    assert buffer.ingest.append(LOG, 5, samples([5]), BRAKE) == Stale(0)
    assert buffer.learn.logs() == []
    # The learner's positions, which it leaves again and again, are where the buffer is filled from.
    buffer.learn.leave_learnt(LOG, 3)
    assert buffer.ingest.append(LOG, 0, samples([3, 4]), BRAKE) == Appended(5)


@each_redis
def test_a_script_that_the_server_forgot_is_sent_again(own_redis, program):
    server = own_redis(program=program)
    buffer = Both(server.url)
    assert buffer.ingest.append(LOG, 0, samples([0]), BRAKE) == Appended(1)
    with server.client() as client:
        client.script_flush()
    assert buffer.ingest.append(LOG, 1, samples([1]), BRAKE) == Appended(2)
    assert offsets(buffer.learn.read(LOG, 0, 10)) == [0, 1]


def test_a_stale_owner_is_refused_and_told_where_the_stream_is(redis_url):
    old, new = Both(redis_url), Both(redis_url)
    assert old.ingest.append(LOG, 0, samples(range(10)), BRAKE) == Appended(10)
    # The group gives the partition to `new`, while `old` still holds a batch it has read.
    assert new.ingest.append(LOG, 10, samples(range(10, 15)), BRAKE) == Appended(15)
    assert old.ingest.append(LOG, 10, samples(range(10, 30)), BRAKE) == Stale(15)
    assert new.ingest.append(LOG, 15, samples(range(15, 20)), BRAKE) == Appended(20)
    assert offsets(new.learn.read(LOG, 0, 100)) == list(range(20))


WRITES = {
    "trim": lambda learner: learner.trim(LOG, 5),
    "leave_learnt": lambda learner: learner.leave_learnt(LOG, 5),
    "forget": lambda learner: learner.forget(LOG),
    "reset": lambda learner: learner.reset({LOG: 5}),
}


@each_redis
@pytest.mark.parametrize("write", WRITES)
def test_a_learner_that_another_has_taken_over_from_writes_nothing_any_more(own_redis, program, write):
    server = own_redis(program=program)
    first, second, third = Both(server.url), Both(server.url), Both(server.url)
    first.ingest.register(LOG, 10)
    first.ingest.append(LOG, 0, samples(range(10)), BRAKE)
    first.learn.claim_ownership("state-a", adopt=False)
    first.learn.leave_learnt(LOG, 2)
    for rival, state_id, adopt in ((second, "state-a", False), (third, "state-b", True)):
        rival.learn.claim_ownership(state_id, adopt=adopt)
        with pytest.raises(BufferTakenError, match="another learner"):
            WRITES[write](first.learn)
        assert (first.ingest.position(LOG), first.ingest.learnt(LOG)) == (10, 2)
        assert len(first.learn.read(LOG, 0, 100)) == 10
    with pytest.raises(BufferTakenError):
        WRITES[write](second.learn)
    with pytest.raises(BufferMisconfiguredError, match="belongs to the learner state state-b"):
        first.learn.claim_ownership("state-a", adopt=False)
    WRITES[write](third.learn)


def test_after_a_loss_the_first_that_writes_owns_the_buffer_again(own_redis):
    server = own_redis()
    first, second = Both(server.url), Both(server.url)
    first.learn.claim_ownership("state-a", adopt=False)
    second.learn.claim_ownership("state-b", adopt=True)
    server.wipe()
    second.learn.leave_learnt(LOG, 7)
    with pytest.raises(BufferTakenError, match="state-b"):
        first.learn.leave_learnt(LOG, 3)
    assert first.ingest.learnt(LOG) == 7


def test_two_that_append_at_once_leave_each_record_once(redis_url):
    total = 2_000

    def run(batch: int) -> None:
        buffer = Both(redis_url)
        position = buffer.ingest.position(LOG)
        while position < total:
            entries = samples(range(position, min(position + batch, total)))
            position = buffer.ingest.append(LOG, position, entries, BRAKE).position
        buffer.connection.close()

    threads = [threading.Thread(target=run, args=(batch,)) for batch in (3, 7, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer = Both(redis_url)
    assert offsets(buffer.learn.read(LOG, 0, 2 * total)) == list(range(total))
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(1000, 0)}


@pytest.fixture
def cutting(redis_server):
    proxy = CuttingProxy(redis_server.port)
    buffer = Both(f"redis://127.0.0.1:{proxy.port}/0")
    # Whatever redis-py says on a new connection, and the script itself, are known before the first cut.
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    yield proxy, buffer
    buffer.connection.close()
    proxy.close()


def test_a_lost_answer_shows_as_stale_behind_the_batch(cutting):
    proxy, buffer = cutting
    proxy.cut = 1
    assert buffer.ingest.append(LOG, 1, samples(range(1, 8)), BRAKE) == Stale(8)
    assert offsets(buffer.learn.read(LOG, 0, 100)) == list(range(8))
    assert buffer.ingest.outcomes(BRAKE) == {LOG.topic: Outcomes(8, 0)}


def test_a_connection_that_breaks_again_and_again_is_the_callers_to_retry(cutting):
    proxy, buffer = cutting
    proxy.cut = 100
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.append(LOG, 1, samples(range(1, 8)), BRAKE)
    assert proxy.cut > 90
    proxy.cut = 0
    position = buffer.ingest.position(LOG)
    assert position in (1, 8)
    assert offsets(buffer.learn.read(LOG, 0, 100)) == list(range(position))


def test_a_server_that_is_down_is_unavailable_at_once(own_redis):
    server = own_redis()
    buffer = Both(server.url)
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    server.kill()
    calls = [
        lambda: buffer.ingest.append(LOG, 1, samples([1]), BRAKE),
        lambda: buffer.ingest.position(LOG),
        buffer.ingest.bytes_used,
        lambda: buffer.ingest.register(LOG, 3),
        buffer.ingest.run_id,
        buffer.learn.logs,
        lambda: buffer.learn.read(LOG, 0, 5),
        lambda: buffer.learn.trim(LOG, 1),
        lambda: buffer.learn.leave_learnt(LOG, 1),
    ]
    started = time.monotonic()
    for call in calls:
        with pytest.raises(BufferUnavailableError):
            call()
    # redis-py's own ten retries with back-off would take several seconds for each of them.
    assert time.monotonic() - started < 5
    server.start()
    assert buffer.ingest.append(LOG, 1, samples([1]), BRAKE) == Appended(2)


def test_a_restart_between_two_commands_is_not_noticed(own_redis):
    server = own_redis(appendfsync="always")
    buffer = Both(server.url)
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    server.kill()
    server.start()
    assert buffer.ingest.append(LOG, 1, samples([1]), BRAKE) == Appended(2)


def test_a_frozen_server_is_unavailable_after_the_time_limit(own_redis):
    server = own_redis()
    buffer = Both(server.url, timeout_s=0.3)
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    server.pause()
    started = time.monotonic()
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.append(LOG, 1, samples([1]), BRAKE)
    assert time.monotonic() - started < 3
    server.resume()
    # Redis may have read the batch before it froze, or not: the stream tells.
    position = buffer.ingest.position(LOG)
    assert position in (1, 2)
    assert offsets(buffer.learn.read(LOG, 0, 9)) == list(range(position))


def test_a_command_that_timed_out_is_the_callers_to_retry(redis_server):
    proxy = CuttingProxy(redis_server.port)
    buffer = Both(f"redis://127.0.0.1:{proxy.port}/0", timeout_s=0.2)
    assert buffer.ingest.position(LOG) == 0
    redis_server.pause()
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.position(LOG)
    assert proxy.connections == 1
    redis_server.resume()
    proxy.close()


def test_entries_of_someone_else_are_refused(redis_server, redis_url):
    buffer = Both(redis_url)
    with redis_server.client() as client:
        client.xadd(KEYS.stream(LOG), {"after": "0", "expired": "0", "at": "0", "surprise": "1"}, id="1-0")
    with pytest.raises(CorruptEntryError, match="surprise"):
        buffer.learn.read(LOG, 0, 1)
    with redis_server.client() as client:
        client.xadd(KEYS.stream(LOG), {"a": "0"}, id="1-1")
    with pytest.raises(CorruptEntryError):
        buffer.ingest.position(LOG)


def test_keys_of_a_partition_share_their_hash_tag(redis_server, redis_url):
    buffer = Both(redis_url)
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    buffer.learn.leave_learnt(LOG, 0)
    buffer.ingest.open_incarnation(LOG.topic, LOG.topic_id, 0, 1)
    with redis_server.client() as client:
        keys = {key.decode() for key in client.scan_iter()} - {KEYS.verdicts(BRAKE)}
    assert len(keys) == 3
    assert all(key.startswith("tidemill:{job:images:0}:") for key in keys)
