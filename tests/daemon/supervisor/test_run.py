"""`tidemill run` as a process, with servers that do not answer: roles wait, are started again, and stop in order."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.support.roles import Tidemill, eventually

NO_SERVERS = {"kafka": {"bootstrap_servers": "127.0.0.1:9"}, "redis": {"url": "redis://127.0.0.1:9/0"}}


@pytest.fixture
def tidemill(tmp_path):
    one = Tidemill(tmp_path, {**NO_SERVERS, "learn": {"device": "cpu"}})
    try:
        yield one
    finally:
        one.stop()


def metric(tidemill: Tidemill, name: str) -> float | None:
    try:
        text = httpx.get(f"http://127.0.0.1:{tidemill.ports['run']}/metrics", timeout=5).text
    except httpx.TransportError:
        return None
    found = re.search(rf"^tidemill_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


def pid_of(tidemill: Tidemill, role: str) -> int:
    ready = httpx.get(f"http://127.0.0.1:{tidemill.ports['run']}/readyz", timeout=5).json()
    reason = next(check["reason"] for check in ready["checks"] if check["name"] == role)
    return int(reason.rpartition(" ")[2])


def serving(tidemill: Tidemill) -> bool:
    try:
        return httpx.get(f"{tidemill.url}/livez", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_run_supervises_and_stops_in_order(tidemill):
    process = tidemill.start("run")
    for role in ("ingest", "learn", "serve"):
        eventually(lambda role=role: metric(tidemill, f'role_up{{role="{role}"}}') == 1, f"{role} is up", 30)
    eventually(lambda: serving(tidemill), "serve answers", 60)

    os.kill(pid_of(tidemill, "serve"), signal.SIGKILL)
    eventually(lambda: metric(tidemill, 'role_restarts_total{role="serve"}') == 1, "serve is started again", 30)
    eventually(lambda: serving(tidemill), "serve answers again", 60)

    pids = [pid_of(tidemill, role) for role in ("ingest", "learn", "serve")]
    began = time.monotonic()
    process.terminate()
    assert process.wait(30) == 0, tidemill.logs()
    assert time.monotonic() - began < 25
    assert all(ended(pid) for pid in pids)
    stopped = re.findall(r'"stopped": "(\w+)"', tidemill.logs())
    assert stopped == ["ingest", "learn", "serve"]


@pytest.mark.slow
def test_run_gives_up_when_a_role_keeps_dying(tidemill):
    with socket.create_server(("127.0.0.1", tidemill.ports["http"])):
        process = tidemill.start("run", "--set", "run.restart_max=1")
        assert process.wait(90) == 1, tidemill.logs()
    last = tidemill.logs().splitlines()[-1]
    assert "serve died 2 times" in last
    assert "http.port" in last
