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
from tests.support.windows import open_state

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


def ready(tidemill: Tidemill) -> tuple[int, dict[str, str]]:
    answer = httpx.get(f"http://127.0.0.1:{tidemill.ports['run']}/readyz", timeout=5)
    return answer.status_code, {one["name"]: one["reason"] for one in answer.json()["checks"] if not one["ok"]}


@pytest.mark.slow
def test_what_serves_lives_on_while_the_learner_is_given_up_and_a_hangup_tries_it_again(tidemill):
    """The state directory belongs to another learner: a person must act."""
    with open_state(tidemill.folder / "state", size=64):
        process = tidemill.start("run")
        eventually(lambda: metric(tidemill, 'role_given_up{role="learn"}') == 1, "learn is given up", 60)
        eventually(lambda: serving(tidemill), "serve answers", 60)
        code, reasons = ready(tidemill)
        assert code == 503 and list(reasons) == ["learn"]
        assert "given up: learn ended with status 78" in reasons["learn"]
        assert "is in use by process" in reasons["learn"] and "SIGHUP" in reasons["learn"]
        assert metric(tidemill, 'role_up{role="learn"}') == 0
        assert metric(tidemill, 'role_up{role="serve"}') == metric(tidemill, 'role_up{role="ingest"}') == 1
        assert metric(tidemill, 'role_restarts_total{role="learn"}') == 0
    process.send_signal(signal.SIGHUP)
    eventually(lambda: metric(tidemill, 'role_up{role="learn"}') == 1, "learn is started again", 30)
    eventually(lambda: ready(tidemill)[0] == 200, "ready", 30)
    process.terminate()
    assert process.wait(60) == 0, tidemill.logs()


@pytest.mark.slow
def test_run_gives_up_on_a_role_that_keeps_dying_and_keeps_the_others(tidemill):
    with socket.create_server(("127.0.0.1", tidemill.ports["http"])):
        process = tidemill.start("run", "--set", "run.restart_max=1")
        eventually(lambda: metric(tidemill, 'role_given_up{role="serve"}') == 1, "serve is given up", 90)
        code, reasons = ready(tidemill)
        assert code == 503 and "serve died 2 times" in reasons["serve"] and "http.port" in reasons["serve"]
        assert metric(tidemill, 'role_up{role="ingest"}') == 1
        process.terminate()
        assert process.wait(60) == 0, tidemill.logs()


@pytest.mark.slow
def test_where_every_role_is_given_up_it_stays_up_for_those_that_are_tried_again(tidemill):
    """The learner waits for a person, the others for their ports."""
    with (
        open_state(tidemill.folder / "state", size=64),
        socket.create_server(("127.0.0.1", tidemill.ports["http"])),
        socket.create_server(("127.0.0.1", tidemill.ports["ingest"])),
    ):
        process = tidemill.start("run", "--set", "run.restart_max=0")
        for role in ("ingest", "learn", "serve"):
            eventually(
                lambda role=role: metric(tidemill, f'role_given_up{{role="{role}"}}') == 1, f"{role} given up", 90
            )
        assert list(ready(tidemill)[1]) == ["ingest", "learn", "serve"]
    process.send_signal(signal.SIGHUP)
    eventually(lambda: serving(tidemill), "serve answers", 60)
    process.terminate()
    assert process.wait(60) == 0, tidemill.logs()
