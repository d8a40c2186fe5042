"""`status` on real Redis and Kafka: faults that are caused, what is said of them, and what --check returns."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
from kafka import KafkaProducer
from prometheus_client import CollectorRegistry, Gauge

from daemon.health import HealthServer
from daemon.learn.observer import Stage
from daemon.learn.status import StatusBoard
from daemon.readiness import Check
from streaming.kafka_admin import KafkaAdmin
from streaming.kafka_options import KafkaOptions
from streaming.records import Log, Marker, Reason
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection
from tests.support.disks import leave_free, small_disk  # noqa: F401 - a fixture
from tests.support.roles import TIDEMILL, eventually, free_port
from tests.support.windows import labelled, open_state, take


def now_ms():
    return time.time_ns() // 1_000_000


@pytest.fixture
def buffer(redis_url):
    connection = RedisConnection(redis_url)
    yield RedisIngestBuffer(connection, "default", now_ms)
    connection.close()


@pytest.fixture
def topic_id(kafka_server, topic):
    admin = KafkaAdmin(KafkaOptions(kafka_server.bootstrap))
    try:
        return eventually(lambda: admin.topic_ids([topic]), "the topic is known")[topic]
    finally:
        admin.close()


@pytest.fixture
def ports(monkeypatch):
    """Ports of the four roles at which nothing answers, unless a test lets something."""
    found = {role: free_port() for role in ("ingest", "learn", "http", "run")}
    for role, port in found.items():
        monkeypatch.setenv(f"TIDEMILL_{role.upper()}__PORT", str(port))
    return found


@pytest.fixture
def look(run, ports, kafka_server, redis_url, make_topic, topic):
    """`look("--check")`: on servers that are well, a topic, and no role."""
    make_topic(1, name=f"{topic}.dlq")
    sets = (f"redis.url={redis_url}", f"kafka.bootstrap_servers={kafka_server.bootstrap}", f"kafka.topics={topic}")
    flags = [part for one in sets for part in ("--set", one)]
    return lambda *args: run("status", *flags, *args)


@contextmanager
def answering(port, *checks, board=None, registry=None):
    """Something answers at a role's port as a role does."""
    more = {"/status": board.snapshot} if board else None
    asks = [lambda check=check: check for check in checks]
    with HealthServer(registry or CollectorRegistry(), asks, more=more) as server:
        server.start("127.0.0.1", port, "test.port")
        yield


@contextmanager
def living(folder, buffer, topic, topic_id, ports):
    """A state whose learner lives, ingestors that read every partition, and roles that answer."""
    for partition in range(3):
        buffer.register(Log(topic, topic_id, partition), 0)
    with (
        open_state(folder / "state"),
        answering(ports["ingest"], Check("kafka", ok=True)),
        answering(ports["learn"], Check("learner", ok=True)),
        answering(ports["http"], Check("repository", ok=True)),
    ):
        yield


def kinds(ran):
    return [one["kind"] for one in ran.json["problems"]]


def test_well_is_one_line_and_exit_status_0(look, history, buffer, topic, topic_id, ports):
    with living(history, buffer, topic, topic_id, ports):
        checked = look("--check")
        told = look("--json").json
        text = look().out
    assert (checked.status, checked.out, checked.err) == (0, "well\n", "")
    assert (told["well"], told["problems"], told["unknown"]) == (True, [], [])
    assert text.startswith("well\nchampion  version 2, 2 classes, 95.0 % right of 8 held out\n")
    assert "roles     ingest ready, learn ready, serve ready, run -\n" in text


def test_what_is_not_here_is_unknown_and_not_wrong(look, history, buffer, topic, topic_id, ports):
    with living(history, buffer, topic, topic_id, ports):
        pass
    with open_state(history / "state"):
        ran = look("--check")
        assert (ran.status, ran.out) == (0, "well, as far as is known here: no word of ingest, serve\n")
        told = look("--json").json
    assert told["roles"]["serve"] == {"ready": None, "port": ports["http"], "reason": ""}
    assert told["followers"] is None


def test_a_stopped_redis_is_told_in_seconds_and_the_rest_goes_on(
    look, history, buffer, topic, topic_id, ports, redis_server
):
    with living(history, buffer, topic, topic_id, ports):
        redis_server.pause()
        try:
            began = time.monotonic()
            ran = look("--check")
            took = time.monotonic() - began
            text = look().out
        finally:
            redis_server.resume()
    assert (ran.status, ran.out.count("\n"), ran.err) == (1, 1, "")
    assert ran.out.startswith("not well: Redis does not answer")
    assert "-> start Redis there, or set redis.url" in ran.out
    assert took < 20, "a loaded machine has time; without a limit it were redis.socket_timeout_s, several times"
    assert "champion  version 2" in text
    assert "\nbuffer    -\n" in text
    assert f"{topic}  0" in text, "Kafka's ends are there"


def test_a_stopped_kafka_is_told_and_the_rest_goes_on(run, history, buffer, topic, topic_id, ports, redis_url):
    with living(history, buffer, topic, topic_id, ports):
        ran = run("status", "--json", "--set", f"redis.url={redis_url}")
    assert kinds(ran) == ["kafka"]
    assert ran.json["positions"], "what Redis knows is there"


def test_a_brake_of_any_host_is_told_with_its_release(look, run, history, buffer, topic, topic_id, ports, redis_url):
    markers = [Marker(offset, offset, 0, now_ms(), Reason.EMPTY) for offset in range(100)]
    buffer.append(Log(topic, "another-id", 0), 0, markers, "ingest-2")
    with living(history, buffer, topic, topic_id, ports):
        ran = look("--check")
        assert (ran.status, ran.out.count("\n")) == (1, 1)
        assert f"ingest-2 takes no records of {topic}, for 100 of its last 100 were dead letters: empty 100" in ran.out
        assert "tidemill release --brake --name ingest-2" in ran.out
        released = run("release", "--brake", "--name", "ingest-2", "--records", "5", "--set", f"redis.url={redis_url}")
        assert released.status == 0, released.err
        assert look("--check").status == 0


def test_a_truncated_partition_is_told_with_its_release(
    look, run, history, buffer, topic, topic_id, ports, kafka_server, redis_url
):
    log = Log(topic, topic_id, 1)
    buffer.append(log, 0, [Marker(offset, offset, 0, now_ms(), Reason.TOMBSTONE) for offset in range(7)], "b")
    with living(history, buffer, topic, topic_id, ports):
        ran = look("--check")
        assert (ran.status, ran.out.count("\n")) == (1, 1)
        assert f"{topic}:1 stands still: its log ends at 0, and 7 records of it were read" in ran.out
        command = f"tidemill release --partition {topic}:1"
        assert command in ran.out
        servers = (f"redis.url={redis_url}", f"kafka.bootstrap_servers={kafka_server.bootstrap}")
        sets = [part for one in servers for part in ("--set", one)]
        assert run(*command.split()[1:], *sets).status == 0
        assert look("--check").status == 0, "the next incarnation is read from its beginning"


def test_a_log_that_grew_between_two_looks_is_not_truncated(
    look, history, buffer, topic, topic_id, ports, kafka_server
):
    producer = KafkaProducer(bootstrap_servers=kafka_server.bootstrap)
    for _ in range(7):
        producer.send(topic, b"x", partition=1)
    producer.close()
    log = Log(topic, topic_id, 1)
    buffer.append(log, 0, [Marker(offset, offset, 0, now_ms(), Reason.TOMBSTONE) for offset in range(7)], "b")
    with living(history, buffer, topic, topic_id, ports):
        assert look("--check").out == "well\n"


def test_a_learner_that_is_stopped_is_told(look, history, buffer, topic, topic_id, ports):
    with living(history, buffer, topic, topic_id, ports):
        assert look("--check").status == 0
    ran = look("--check")
    assert ran.status == 1
    assert "not well: no learner runs: nobody holds" in ran.out
    assert f"learn.port {ports['learn']} does not answer" in ran.out
    assert "tidemill learn" in ran.out


def test_a_missing_topic_is_told(look, history, buffer, topic, topic_id, ports):
    with living(history, buffer, topic, topic_id, ports):
        ran = look("--json", "--set", 'kafka.topics=["no-such-topic"]')
    told = {one["what"]: one["cure"] for one in ran.json["problems"]}
    assert "kafka.create_topics=true" in told["topic no-such-topic does not exist"]


def test_an_eviction_policy_is_told(look, history, buffer, topic, topic_id, ports, redis_server):
    with living(history, buffer, topic, topic_id, ports), redis_server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            ran = look("--json")
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert kinds(ran) == ["eviction"]


def test_a_full_disk_is_told(look, run, tmp_path, small_disk, ports):  # noqa: F811
    small_disk("16m", tmp_path / "state")
    with open_state(tmp_path / "state") as state:
        take(state, labelled(range(10)))
        leave_free(tmp_path / "state", 100_000)
        ran = look("--check")
        told = look("--json").json["problems"]
    assert ran.status == 1
    (disk,) = [one for one in told if one["kind"] == "disk"]
    assert re.search(
        r"state \(paths.state\) has \d+\.\d kB free of 16\.\d MB, a version may take 1\.0 MB", disk["what"]
    )
    assert disk["cure"].startswith("make room there")


def test_a_damaged_repository_is_told(look, history, buffer, topic, topic_id, ports):
    with living(history, buffer, topic, topic_id, ports):
        artefact = history / "models" / "default" / "2" / "model.onnx"
        artefact.write_bytes(artefact.read_bytes()[:-1])
        ran = look("--json")
    assert kinds(ran) == ["repository"]
    assert "tidemill verify" in ran.json["problems"][0]["cure"]


def test_a_damaged_database_is_told_and_the_rest_goes_on(look, history, buffer, topic, topic_id, ports):
    for name in ("tidemill.db-wal", "tidemill.db-shm"):
        (history / "state" / name).unlink(missing_ok=True)
    file = history / "state" / "tidemill.db"
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    ran = look("--json")
    assert ran.json["problems"][0]["kind"] == "state"
    assert ran.json["champion"] is ran.json["round"] is ran.json["store"] is None
    assert "\nchampion  -\nround     -\n" in look().out


def test_the_round_in_progress_has_stage_step_and_seconds(look, history, buffer, topic, topic_id, ports):
    board = StatusBoard(lambda: now_ms() - 14_000)
    board.round_started(4, 30)
    board.stage_started(Stage.TRAIN)
    board.stepped(120, 400, 0.5, 900.0)
    with open_state(history / "state"), answering(ports["learn"], Check("learner", ok=True), board=board):
        told = look("--json").json
        text = look().out
    assert {**told["progress"], "seconds": None} == {
        "round": 4,
        "stage": "train",
        "step": 120,
        "steps": 400,
        "seconds": None,
    }
    assert 13 < told["progress"]["seconds"] < 60
    assert re.search(r"\nround     4 in progress for \d+ s: stage train, step 120 of 400\n", text)


def test_followers_by_version_are_those_that_serve_counts(look, history, buffer, topic, topic_id, ports):
    registry = CollectorRegistry()
    followers = Gauge("tidemill_followers", "Clients.", ("model", "version"), registry=registry)
    followers.labels("default", "2").set(3)
    followers.labels("default", "older").set(1)
    followers.labels("another", "7").set(9)
    with answering(ports["http"], Check("repository", ok=True), registry=registry):
        assert look("--json").json["followers"] == {"2": 3, "older": 1}
        assert "\nfollowers 3 with version 2, 1 with older ones\n" in look().out


def test_a_role_says_what_it_waits_for_and_since_when(look, history, ports, buffer, topic, topic_id):
    registry = CollectorRegistry()
    since = Gauge("tidemill_outage_since_timestamp_seconds", "Since.", ("what",), registry=registry)
    since.labels("disk").set(time.time() - 720)
    since.labels("redis").set(0)
    waits = Check("learner", ok=False, reason="No space left on device: state/segments")
    with open_state(history / "state"), answering(ports["learn"], waits, registry=registry):
        text = look().out
    assert "learn: No space left on device: state/segments (for 12 min)\n    -> make room there" in text
    assert "learn not ready" in text


def test_something_else_at_a_port_and_something_that_hangs(look, history, ports, buffer, topic, topic_id):
    with socket.socket() as deaf, socket.socket() as _:
        deaf.bind(("127.0.0.1", ports["ingest"]))
        deaf.listen(8)
        with open_state(history / "state"), answering(ports["http"]):
            told = look("--json").json
    assert told["roles"]["ingest"]["ready"] is False
    assert "it does not answer within 2 s" in told["problems"][0]["what"]


def test_where_nothing_has_ever_run_it_says_what_to_do_first(run, ports, redis_url):
    for args, status in (((), 1), (("--check",), 1), (("--json",), 1)):
        ran = run("status", *args, "--set", f"redis.url={redis_url}")
        assert ran.status == status
        said = ran.out if "--check" in args else ran.err
        assert said.count("\n") == 1
        assert "nothing has run here yet" in said
        assert "Start `tidemill run` first" in said
        assert ran.out == ("" if "--check" not in args else said)
        assert not re.search(r"\b0\b", re.sub(r"\S*/\S*", "", said)), "no zeros"


def test_a_state_without_a_round_has_no_zeros_in_place_of_what_is_not_known(look, tmp_path):
    with open_state(tmp_path / "state"):
        text = look().out
    assert "\nchampion  none yet\nround     none yet\n" in text


def test_check_as_json_is_one_line(look, history):
    ran = look("--check", "--json")
    assert (ran.status, ran.out.count("\n")) == (1, 1)
    assert ran.json["well"] is False


@pytest.mark.parametrize(
    "args",
    [
        ("--check", "--watch"),
        ("5",),
        ("--watch", "0"),
        ("--watch", "soon"),
        ("--check", "--set", "kafka.topics="),
        ("--check", "--set", "no.such=key"),
    ],
)
def test_wrong_use_and_configuration_are_2(run, args):
    assert run("status", *args).status == 2


def test_a_page_of_80_columns_is_folded_and_not_cut(run, history, monkeypatch):
    class Terminal(type(__import__("io").StringIO())):
        def isatty(self):
            return True

    from daemon.cli.output import out
    from daemon.cli.overview.problems import Problem
    from daemon.cli.overview.text import show
    from daemon.config import Config

    told = run("status", "--json").json
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    words = [f"word{number}" for number in range(40)]
    show(out(), told, [Problem("disk", " ".join(words), " ".join(words))], Config(), time.time())
    import sys

    shown = re.sub(r"\x1b\[[\d;]*m", "", sys.stdout.getvalue())
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.split().count("word39") == 2
    assert shown.startswith("not well: 1 thing is wrong\n  1 word0 ")


# --- watching ------------------------------------------------------------------------------------------------------


def command(folder, ports, *more):
    sets = ("kafka.bootstrap_servers=127.0.0.1:9", "redis.url=redis://127.0.0.1:9/0", f"paths.state={folder}/state")
    flags = [part for one in (*sets, *(f"{k}.port={v}" for k, v in ports.items())) for part in ("--set", one)]
    return [*TIDEMILL, "status", "--watch", "0.5", *more, *flags]


def test_watching_on_a_terminal_stays_in_place_and_ends_with_ctrl_c(history, ports):
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(
        command(history, ports), stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 120
    while shown.count(b"champion  version 2") < 2 and time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 65_536)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    while select.select([master], [], [], 0.5)[0]:
        try:
            shown += os.read(master, 65_536)
        except OSError:
            break
    os.close(master)
    text = shown.decode()
    assert text.count("champion  version 2") >= 2, text
    assert "\x1b[1A" in text, "the second look is written over the first"
    assert "\x1b[?25h" in text, "the cursor is back"
    assert "\x1b[1;31mnot well" in text, "colours on a terminal"
    assert "Traceback" not in text
    assert "Abort" not in text


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_watching_into_a_pipe_writes_blocks(history, ports, ending):
    process = subprocess.Popen(command(history, ports), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    while sum(line.startswith("champion") for line in lines) < 2:
        lines.append(process.stdout.readline())
    process.send_signal(ending)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert errors == ""
    text = "".join(lines) + rest
    assert len(re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$", text, re.M)) >= 2
    assert "\x1b" not in text, "colours only on a terminal"


def test_watching_as_json_is_a_line_for_each_look(history, ports):
    process = subprocess.Popen(command(history, ports, "--json"), stdout=subprocess.PIPE, text=True)
    told = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert [one["champion"]["version"] for one in told] == [2, 2]
