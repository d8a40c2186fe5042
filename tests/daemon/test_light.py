"""Ingest and serve stay small when idle, and torch is never mapped into them; a learner starts with what it needs."""

import subprocess
import sys
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


def test_a_learner_with_its_own_network_starts_without_what_takes_seconds_to_load():
    """torchvision compiles operators when it is imported; scipy.stats builds a hundred distributions."""
    heavy = "{'torchvision', 'scipy.stats', 'torch._dynamo'}"
    code = f"import sys, daemon.composition.learn; print(*({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
