"""What is asked of a Redis server before it is trusted, and how its refusals are told."""

import pytest

from streaming.buffer import (
    BufferMisconfiguredError,
    BufferUnavailableError,
)
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection
from streaming.redis_server import inspect_server
from tests.support.entries import LOG, samples
from tests.support.redis_sides import BRAKE, Both, each_redis


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
