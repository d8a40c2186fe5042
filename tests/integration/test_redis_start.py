"""What may stand at redis.url, and what the start says of it: one line, or a wait for what may pass."""

import threading

import pytest

from daemon.composition.redis import await_redis, redis_connection
from daemon.config import load
from daemon.errors import OperatorError
from daemon.outage import SILENT
from streaming.buffer import BufferMisconfiguredError, BufferUnavailableError
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection
from streaming.redis_server import inspect_server
from tests.support.entries import LOG, samples
from tests.support.picky_redis import PickyRedis, telling, without
from tests.support.redis_sides import BRAKE, each_redis

INFO = b"redis_version:7.0.15\r\nrun_id:abc\r\nmaxmemory_policy:noeviction\r\nmaxmemory:0\r\naof_enabled:1\r\n"


def refusal(url: str) -> str:
    """Return the line that a role ends with; fails where it would wait or start."""
    config = load(environ={}, sets=[f"redis.url={url}", "redis.socket_timeout_s=2"]).config
    connection = redis_connection(config)
    try:
        with pytest.raises(OperatorError) as caught:
            await_redis(connection, config, threading.Event(), lambda: 0.0, SILENT)
    finally:
        connection.close()
    assert caught.value.setting == "redis.url"
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def double():
    doubles = []

    def start(*given):
        doubles.append(PickyRedis(*given))
        return doubles[-1]

    yield start
    for one in doubles:
        one.close()


@each_redis
def test_a_node_of_a_cluster_is_refused(own_redis, program):
    server = own_redis(program=program, options=("--cluster-enabled", "yes"), port_max=55_535)
    assert "Redis Cluster" in refusal(server.url)
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
    assert "cluster-enabled no" in refusal(server.url)
    assert "Redis Cluster" in refusal(server.url.removesuffix("0") + "1")


@each_redis
def test_what_a_cluster_answers_is_told_where_the_start_did_not_see_it(own_redis, program):
    server = own_redis(program=program, options=("--cluster-enabled", "yes"), port_max=55_535)
    buffer = RedisIngestBuffer(RedisConnection(server.url), "job", lambda: 1)
    with server.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
    with pytest.raises(BufferMisconfiguredError, match="Redis Cluster"):
        buffer.append(LOG, 0, samples([0]), BRAKE)


@pytest.mark.parametrize("code", [b"-MOVED 866 10.0.0.2:6379\r\n", b"-ASK 866 10.0.0.2:6379\r\n", b"-CROSSSLOT x\r\n"])
def test_a_cluster_behind_a_proxy_is_refused(redis_server, double, code):
    hidden = double(lambda command: code if command[0] in (b"EVALSHA", b"EVAL") else None, redis_server.port)
    assert "Redis Cluster" in refusal(hidden.url)


@each_redis
def test_a_replica_is_waited_for_until_it_is_the_primary(own_redis, program):
    primary = own_redis(program=program)
    replica = own_redis(program=program, options=("--replicaof", "127.0.0.1", str(primary.port)))
    with pytest.raises(BufferUnavailableError, match=f"replica of 127.0.0.1:{primary.port}.*redis.url"):
        inspect_server(RedisConnection(replica.url))
    config = load(environ={}, sets=[f"redis.url={replica.url}"]).config

    class Stop(threading.Event):
        """Promotes the replica at the first wait, so that nothing is waited for in vain."""

        def wait(self, timeout=None):
            with replica.client() as client:
                client.replicaof("NO", "ONE")
            return False

    assert await_redis(redis_connection(config), config, Stop(), lambda: 0.0, SILENT)


@pytest.mark.parametrize(
    "answer",
    [
        without(b"EVAL", b"EVALSHA", b"SCRIPT"),
        without(b"EVAL", b"EVALSHA", b"SCRIPT", saying=b"-ERR unsupported command '%s'\r\n"),
        without(b"EVAL", saying=b"-ERR unknown command '%s', with args beginning with: \r\n"),
    ],
    ids=["twemproxy", "envoy", "no EVAL"],
)
def test_a_proxy_without_scripts_is_refused(redis_server, double, answer):
    with redis_server.client() as client:
        client.script_flush()
    assert "Lua" in refusal(double(answer, redis_server.port).url)


def test_a_proxy_without_info_is_refused(redis_server, double):
    assert "does not know a command" in refusal(double(without(b"INFO"), redis_server.port).url)


def test_a_user_who_may_run_no_scripts_is_named(own_redis):
    server = own_redis()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ingest", "on", ">pw", "~*", "+@all", "-eval", "-evalsha")
    text = refusal(f"redis://ingest:pw@127.0.0.1:{server.port}/0")
    assert "refuses the user" in text
    assert "eval" in text


@each_redis
def test_a_user_whose_scripts_may_not_write_is_named(own_redis, program):
    server = own_redis(program=program)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ingest", "on", ">pw", "~*", "+@all", "-xadd")
    buffer = RedisIngestBuffer(RedisConnection(f"redis://ingest:pw@127.0.0.1:{server.port}/0"), "job", lambda: 1)
    with pytest.raises(BufferMisconfiguredError, match="refuses the user"):
        buffer.append(LOG, 0, samples([0]), BRAKE)


def test_a_user_bound_to_the_keys_of_the_job_is_enough(own_redis):
    server = own_redis()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "birds", "on", ">pw", "~tidemill:{birds*", "+@all")
    assert inspect_server(RedisConnection(f"redis://birds:pw@127.0.0.1:{server.port}/0"), "birds").appendonly


@each_redis
@pytest.mark.parametrize("database", ["99", "16", "999999"])
def test_a_database_that_is_not_there_is_told(own_redis, program, database):
    server = own_redis(program=program)
    assert "`databases`" in refusal(f"redis://127.0.0.1:{server.port}/{database}")


def test_data_that_are_loaded_are_waited_for(double):
    busy = double(telling(INFO + b"loading:1\r\n"))
    with pytest.raises(BufferUnavailableError, match="loading"):
        inspect_server(RedisConnection(busy.url))


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (INFO + b"redis_mode:sentinel\r\n", "Sentinel"),
        (INFO + b"redis_mode:cluster\r\n", "Redis Cluster"),
        (INFO.replace(b"7.0.15", b"6.0.16"), "too old"),
        (INFO.replace(b"noeviction", b"allkeys-lfu"), "allkeys-lfu"),
        (INFO.replace(b"maxmemory_policy:noeviction\r\n", b""), "not told"),
        (b"version:1\r\n", "redis_version and run_id"),
    ],
    ids=["sentinel", "cluster", "old", "evicting", "silent", "foreign"],
)
def test_what_a_server_says_of_itself_is_believed(double, info, said):
    assert said in refusal(double(telling(info)).url)


def test_a_port_that_speaks_no_tls_is_doubted(redis_server):
    connection = RedisConnection(redis_server.url.replace("redis:", "rediss:"), 0.3)
    with pytest.raises(BufferUnavailableError, match=r"rediss://.*speaks TLS"):
        inspect_server(connection)


def test_a_port_that_hangs_up_is_doubted(double):
    def hang_up(_command):
        raise OSError

    with pytest.raises(BufferUnavailableError, match="must begin with rediss://"):
        inspect_server(RedisConnection(double(hang_up).url))


def test_another_protocol_is_told(double):
    other = double(lambda _command: b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(BufferUnavailableError, match="does not speak Redis' protocol"):
        inspect_server(RedisConnection(other.url))


def test_a_socket_that_is_not_there_is_waited_for(tmp_path):
    with pytest.raises(BufferUnavailableError, match="No such file"):
        inspect_server(RedisConnection(f"unix://{tmp_path}/redis.sock?db=0"))


def test_a_password_of_special_characters_is_the_one_that_is_meant(own_redis):
    server = own_redis()
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ingest", "on", ">p#/?@%:é w", "~*", "+@all")
    url = f"redis://ingest:p%23%2F%3F%40%25%3A%C3%A9%20w@127.0.0.1:{server.port}/0"
    config = load(environ={}, sets=[f"redis.url={url}"]).config
    assert await_redis(redis_connection(config), config, threading.Event(), lambda: 0.0, SILENT)


def test_a_certificate_that_is_not_there_is_told():
    config = load(environ={}, sets=["redis.url=rediss://127.0.0.1:1/0?ssl_ca_certs=/none/ca.pem"]).config
    with pytest.raises(OperatorError, match=r"the file that ssl_ca_certs names is not there"):
        redis_connection(config)
