"""A real Redis' memory: batches at maxmemory are refused whole, trimming makes room, bytes are counted right."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from streaming.buffer import (
    Appended,
    BufferFullError,
    Stale,
)
from streaming.records import Entry, Sample
from tests.servers.redis import RedisServer
from tests.support.entries import LOG, marker, offsets, sample, samples
from tests.support.redis_sides import BRAKE, KEYS, Both, each_redis, each_server, server_program


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
        buffer.ingest.register(LOG, 10_001)
    with pytest.raises(BufferFullError):
        buffer.ingest.open_incarnation(LOG.topic, LOG.topic_id, 0, 1)
    assert buffer.learn.logs()[0].length == position
    assert buffer.ingest.bytes_used() > 0
    buffer.ingest.release(BRAKE, LOG.topic, {LOG: 9}, 3)
    buffer.learn.claim_ownership("state-a", adopt=False)
    buffer.learn.trim(LOG, position // 2)
    buffer.learn.leave_learnt(LOG, position // 2)
    with server.client() as client:
        assert client.get(KEYS.owner).startswith(b"state-a:")
        client.config_set("maxmemory", "12mb")
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
def test_at_maxmemory_the_learner_writes_though_nothing_can_be_trimmed(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 10_000)
    buffer.learn.claim_ownership("state-a", adopt=False)
    position = fill(buffer, server)
    with server.client() as client:
        client.delete(KEYS.owner)
    buffer.learn.leave_learnt(LOG, 0)
    assert buffer.learn.left() == {LOG: 0}
    assert buffer.learn.logs()[0].length == position
    with server.client() as client:
        assert client.get(KEYS.owner).startswith(b"state-a:"), "whoever claimed a lost buffer owns it again"


@each_redis
def test_reset_and_forget_work_at_maxmemory(own_redis, program):
    server = own_redis(program=program, maxmemory="12mb")
    buffer = Both(server.url)
    buffer.ingest.register(LOG, 10_000)
    fill(buffer, server)
    buffer.learn.reset({LOG: 7})
    assert (buffer.ingest.position(LOG), buffer.ingest.learnt(LOG)) == (0, 7)
    assert buffer.learn.forget(LOG) is True


WARM = replace(LOG, partition=9)


def grown(server: RedisServer, buffer: Both, entries: list[Entry]) -> float:
    """Append in batches of 64, as ingestors do, and return the bytes that the server's memory grew by.

    What the server needs once for connections and scripts (half a megabyte) is there before.
    """
    with server.client() as client:
        buffer.ingest.append(WARM, 0, samples(range(640), os.urandom(192)), BRAKE)
        client.delete(KEYS.stream(WARM))
        before = client.info("memory")["used_memory"]
        buffer.ingest.register(LOG, len(entries))
        for start in range(0, len(entries), 64):
            buffer.ingest.append(LOG, start, entries[start : start + 64], BRAKE)
            if start == 0:
                buffer.ingest.bytes_used()
        return float(client.info("memory")["used_memory"] - before)


def named(offset: int, pixels: bytes, letters: int) -> Sample:
    """A sample whose label, id and source are about so long, and not all the same."""
    return Sample(
        offset=offset,
        after=offset,
        expired=0,
        buffered_ms=1_795_000_000_000 + offset,
        label="c" * (letters // 4 + offset % 3 + 1),
        sample_id=f"{offset:0{letters + offset % 7}}",
        source="s" * letters,
        event_time_ms=1_795_000_000_000 + offset,
        pixels=pixels,
    )


@each_server
@pytest.mark.parametrize("letters", [4, 200], ids=["short", "long"])
@pytest.mark.parametrize("size", [8, 28, 32, 64, 96, 224])
def test_bytes_used_is_what_redis_uses(own_redis, server, size, letters):
    running = own_redis(program=server_program(server), appendonly=False)
    buffer = Both(running.url)
    pixels = os.urandom(size * size * 3)
    entries = [named(offset, pixels, letters) for offset in range(max(200, min(15_000, 12_000_000 // len(pixels))))]
    used = grown(running, buffer, entries)
    assert buffer.ingest.bytes_used() == pytest.approx(used, rel=0.1)
    assert buffer.learn.logs()[0].bytes_used == pytest.approx(used, rel=0.1)


@each_server
@pytest.mark.parametrize("size", [3_072, 12_288])
def test_bytes_used_counts_dead_letters_for_what_they_are(own_redis, server, size):
    running = own_redis(program=server_program(server), appendonly=False)
    buffer = Both(running.url)
    pixels = os.urandom(size)
    # A burst of dead letters first, then one in ten.
    entries = [marker(o) if o < 100 or o % 10 == 0 else sample(o, pixels=pixels) for o in range(2_000)]
    used = grown(running, buffer, entries)
    assert buffer.ingest.bytes_used() == pytest.approx(used, rel=0.1)


@each_server
def test_measuring_leaves_nothing_behind_and_reaches_nobody(own_redis, server):
    """Not in the append-only file, not on a replica, no key, no memory; also at maxmemory, where it still works."""
    program = server_program(server)
    running = own_redis(program=program, maxmemory="64mb", appendfsync="always")
    buffer = Both(running.url)
    grown(running, buffer, samples(range(640), os.urandom(2_352)))
    with running.client() as client:
        buffer.ingest.bytes_used()
        keys, file_bytes = set(client.keys()), client.info("persistence")["aof_current_size"]
        used, offset = client.info("memory")["used_memory"], client.info("replication")["master_repl_offset"]
        client.config_set("maxmemory", "1mb")
        measured = []
        for _ in range(20):
            buffer.now_s += 3_600
            measured.append(buffer.ingest.bytes_used())
        assert set(client.keys()) == keys
        assert client.info("persistence")["aof_current_size"] == file_bytes
        assert client.info("replication")["master_repl_offset"] == offset
        assert client.info("memory")["used_memory"] - used < 100_000
    assert max(measured) == pytest.approx(min(measured), rel=0.02)
    assert measured[0] == pytest.approx(640 * 2_600, rel=0.1)


def pool_bytes(buffer: Both) -> int:
    return buffer.ingest.bytes_used()


def test_what_measures_at_once_does_not_disturb_each_other(redis_server, redis_url):
    buffer = Both(redis_url)
    grown(redis_server, buffer, samples(range(640), os.urandom(2_352)))
    alone = buffer.ingest.bytes_used()
    others = [Both(redis_url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert all(one == pytest.approx(alone, rel=0.02) for one in pool.map(pool_bytes, others))


def test_a_user_who_may_not_measure_still_counts(own_redis):
    server = own_redis()
    grown(server, Both(server.url), samples(range(640), os.urandom(2_352)))
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "watcher", "on", ">pw", "~*", "+@all", "-xadd", "-del", "-info")
    watcher = Both(f"redis://watcher:pw@127.0.0.1:{server.port}/0")
    assert watcher.learn.logs()[0].bytes_used == pytest.approx(640 * 2_600, rel=0.25)


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
        assert 0 < client.ttl(KEYS.verdicts(BRAKE)) <= 7 * 24 * 3600
