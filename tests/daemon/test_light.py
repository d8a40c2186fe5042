"""Ingest and serve stay small when idle, and torch is never mapped into them."""

from pathlib import Path

import httpx
import pytest

from tests.support.roles import Tidemill, eventually

RESIDENT_MB_MAX = 150


@pytest.fixture
def tidemill(tmp_path):
    servers = {"kafka": {"bootstrap_servers": "127.0.0.1:9"}, "redis": {"url": "redis://127.0.0.1:9/0"}}
    one = Tidemill(tmp_path, servers)
    try:
        yield one
    finally:
        one.stop()


def alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def resident_mb(pid: int) -> float:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize(("role", "port"), [("ingest", "ingest"), ("serve", "http")])
def test_a_role_without_learning_is_light(tidemill, role, port):
    process = tidemill.start(role)
    eventually(lambda: alive(tidemill.ports[port]), f"{role} answers", 30)
    httpx.get(f"http://127.0.0.1:{tidemill.ports[port]}/metrics", timeout=5)
    assert resident_mb(process.pid) < RESIDENT_MB_MAX
    assert "torch" not in Path(f"/proc/{process.pid}/maps").read_text()
    process.terminate()
    assert process.wait(10) == 0
