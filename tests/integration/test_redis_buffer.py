"""The buffer against a real Redis: memory limits, losses, restarts, rivals; on the machine's and on the bundled one."""

import os
import threading
import time

import pytest

from daemon.local.redis import bundled_redis_program
from streaming.buffer import (
    Appended,
    BufferFullError,
    BufferMisconfiguredError,
    BufferUnavailableError,
    Stale,
)
from streaming.entries import CorruptEntryError
from streaming.keys import Keys
from streaming.redis_buffer import RedisIngestBuffer, RedisLearnBuffer
from streaming.redis_client import RedisConnection
from streaming.redis_server import inspect_server
from tests.servers.redis import RedisServer
from tests.support.entries import LOG, marker, offsets, sample, samples

BRAKE = "ingestor-1"
KEYS = Keys("job")


def _programs() -> list[object]:
    """The bundled Redis is another version than most machines': Redis 6 words its errors differently."""
    bundled = bundled_redis_program()
    machines = [pytest.param(None, id="default")]
    return machines if bundled is None else [*machines, pytest.param(bundled, id="bundled")]


each_redis = pytest.mark.parametrize("program", _programs())


class Both:
    """Both sides of the buffer on one server, with time under the test's control."""

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        self.now_s = 0.0
        self.connection = RedisConnection(url, timeout_s)
        self.ingest = RedisIngestBuffer(self.connection, "job", lambda: 1, lambda: self.now_s)
        self.learn = RedisLearnBuffer(self.connection, "job", lambda: self.now_s)


def fill(buffer: Both, server: RedisServer, batch: int = 64) -> int:
    """Append until Redis refuses a batch, then leave no room for anything; return the position reached."""
    position, pixels = 0, bytes(12_288)
    with pytest.raises(BufferFullError):
        while True:
            appended = buffer.ingest.append(LOG, position, samples(range(position, position + batch), pixels), BRAKE)
            assert isinstance(appended, Appended)
            position = appended.position
    # Redis counts the command it is reading as well: a batch is refused while a small command is still taken.
    with server.client() as client:
        client.config_set("maxmemory", "1mb")
    return position


@each_redis
def test_at_maxmemory_a_batch_is_refused_whole(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 10_000)
    position = fill(buffer, server)
    assert position > 0
    outcomes = buffer.ingest.outcomes(BRAKE)
    with pytest.raises(BufferFullError):
        buffer.ingest.append(LOG, position, [marker(position), *samples([position + 1])], BRAKE)
    assert buffer.ingest.position(LOG) == position
    assert offsets(buffer.learn.read(LOG, 0, 100_000)) == list(range(position))
    assert buffer.ingest.outcomes(BRAKE) == outcomes
    # A batch that would be stale anyway is told so, memory or not.
    assert buffer.ingest.append(LOG, 3, samples([3]), BRAKE) == Stale(position)


@each_redis
def test_a_batch_larger_than_what_is_left_is_taken_or_refused_whole(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    position = fill(buffer, server, batch=500)
    assert position % 500 == 0
    assert len(buffer.learn.read(LOG, 0, 100_000)) == position


@each_redis
def test_at_maxmemory_the_learner_trims_and_room_comes_back(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 10_000)
    position = fill(buffer, server)
    with pytest.raises(BufferFullError):
        buffer.learn.leave_learnt(LOG, position)
    with pytest.raises(BufferFullError):
        buffer.ingest.register(LOG, 10_001)
    with pytest.raises(BufferFullError):
        buffer.ingest.open_incarnation(LOG.topic, LOG.topic_id, 0, 1)
    with pytest.raises(BufferFullError):
        buffer.learn.claim_ownership("state-a", adopt=False)
    assert buffer.learn.logs()[0].length == position
    assert buffer.ingest.bytes_used() > 0
    buffer.ingest.release(BRAKE)
    buffer.learn.trim(LOG, position // 2)
    with server.client() as client:
        client.config_set("maxmemory", "12mb")
    buffer.learn.leave_learnt(LOG, position // 2)
    assert buffer.ingest.learnt(LOG) == position // 2
    assert buffer.ingest.append(LOG, position, samples([position]), BRAKE) == Appended(position + 1)


@each_redis
def test_a_trim_makes_room_for_batches(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    position = 0
    refused = 0
    while position < 3_000:
        try:
            batch = samples(range(position, position + 64), bytes(12_288))
            position = buffer.ingest.append(LOG, position, batch, BRAKE).position
        except BufferFullError:
            refused += 1
            buffer.learn.trim(LOG, position - 64)
    assert refused > 1
    assert buffer.ingest.position(LOG) == position


@each_redis
def test_reset_and_forget_work_at_maxmemory(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 10_000)
    fill(buffer, server)
    buffer.learn.reset({LOG: 7})
    assert (buffer.ingest.position(LOG), buffer.ingest.learnt(LOG)) == (0, 7)
    assert buffer.learn.forget(LOG) is True


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
    assert buffer.ingest.outcomes(BRAKE) == (1000, 0)


def test_a_lost_answer_shows_as_stale_behind_the_batch(redis_url):
    buffer = Both(redis_url)
    batch = samples(range(8))
    buffer.ingest.append(LOG, 0, batch, BRAKE)
    assert buffer.ingest.append(LOG, 0, batch, BRAKE) == Stale(8)


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
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.append(LOG, 1, samples([1]), BRAKE)
    server.resume()
    # Redis may have read the batch before it froze, or not: the stream tells.
    position = buffer.ingest.position(LOG)
    assert position in (1, 2)
    assert offsets(buffer.learn.read(LOG, 0, 9)) == list(range(position))


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_an_eviction_policy_is_refused(own_redis, policy):
    server = own_redis(policy=policy)
    with pytest.raises(BufferMisconfiguredError, match=f"{policy}.*set maxmemory-policy noeviction"):
        inspect_server(RedisConnection(server.url))


def test_the_policy_is_seen_where_config_is_forbidden(own_redis):
    server = own_redis(policy="allkeys-lru", options=("--rename-command", "CONFIG", ""))
    with pytest.raises(BufferMisconfiguredError, match="allkeys-lru"):
        inspect_server(RedisConnection(server.url))


@each_redis
def test_a_server_fit_for_the_job_is_described(own_redis, program):
    server = own_redis(program=program, maxmemory="100mb")
    facts = inspect_server(RedisConnection(server.url))
    assert (facts.appendonly, facts.maxmemory_bytes, facts.warnings) == (True, 100 * 2**20, ())
    assert facts.run_id == RedisConnection(server.url).run_id()


def test_a_server_without_append_only_file_is_warned_of(own_redis):
    facts = inspect_server(RedisConnection(own_redis(appendonly=False).url))
    assert not facts.appendonly
    assert any("append-only" in warning for warning in facts.warnings)
    assert any("maxmemory" in warning for warning in facts.warnings)


def test_wrong_credentials_are_the_operators_fault(own_redis):
    server = own_redis(options=("--user", "default", "on", "nopass", "~*", "+@all"))
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ingest", "on", ">secret", "~*", "+@read", "+ping", "+info")
    wrong = RedisConnection(f"redis://ingest:wrong@127.0.0.1:{server.port}/0")
    with pytest.raises(BufferMisconfiguredError, match=r"redis\.url"):
        wrong.run_id()
    reader = RedisConnection(f"redis://ingest:secret@127.0.0.1:{server.port}/0")
    with pytest.raises(BufferMisconfiguredError, match=r"redis\.url"):
        RedisIngestBuffer(reader, "job", lambda: 1).register(LOG, 1)


@each_redis
def test_a_replica_takes_no_writes(own_redis, program):
    primary = own_redis(program=program)
    replica = own_redis(program=program, options=("--replicaof", "127.0.0.1", str(primary.port)))
    buffer = Both(replica.url)
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    with pytest.raises(BufferUnavailableError):
        buffer.ingest.register(LOG, 1)


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


@each_redis
@pytest.mark.parametrize(("size", "count"), [(3_072, 4_000), (12_288, 2_000), (150_528, 200)])
def test_bytes_used_is_what_redis_uses(own_redis, program, size, count):
    server = own_redis(program=program, appendonly=False)
    buffer = Both(server.url)
    pixels = os.urandom(size)
    with server.client() as client:
        before = client.info("memory")["used_memory"]
        buffer.ingest.register(LOG, count)
        for start in range(0, count, 100):
            # A burst of dead letters first, then one in ten.
            entries = [
                marker(o) if o < 100 or o % 10 == 0 else sample(o, pixels=pixels) for o in range(start, start + 100)
            ]
            buffer.ingest.append(LOG, start, entries, BRAKE)
            if start == 0:
                buffer.ingest.bytes_used()
        used = client.info("memory")["used_memory"] - before
    assert buffer.ingest.bytes_used() == pytest.approx(used, rel=0.1)


def test_entry_size_is_measured_again_after_a_while(redis_server, redis_url):
    buffer = Both(redis_url)
    buffer.ingest.register(LOG, 200)
    buffer.ingest.append(LOG, 0, samples(range(100), bytes(12_288)), BRAKE)
    before = buffer.ingest.bytes_used()
    buffer.ingest.append(LOG, 100, samples(range(100, 120), bytes(122_880)), BRAKE)
    assert buffer.ingest.bytes_used() == pytest.approx(before * 1.2, rel=0.01)
    buffer.now_s += 60
    assert buffer.ingest.bytes_used() == pytest.approx(before * 3, rel=0.1)


def test_the_brake_is_forgotten_after_a_week_of_silence(redis_server, redis_url):
    buffer = Both(redis_url)
    buffer.ingest.append(LOG, 0, [marker(0)], BRAKE)
    with redis_server.client() as client:
        assert 0 < client.ttl(KEYS.outcomes(BRAKE)) <= 7 * 24 * 3600


def test_keys_of_a_partition_share_their_hash_tag(redis_server, redis_url):
    buffer = Both(redis_url)
    buffer.ingest.append(LOG, 0, samples([0]), BRAKE)
    buffer.learn.leave_learnt(LOG, 0)
    buffer.ingest.open_incarnation(LOG.topic, LOG.topic_id, 0, 1)
    with redis_server.client() as client:
        keys = {key.decode() for key in client.scan_iter()} - {KEYS.outcomes(BRAKE)}
    assert len(keys) == 3
    assert all(key.startswith("tidemill:{job:images:0}:") for key in keys)
