"""A disk is full, under the state or under the repository: the learner waits, says so, and then goes on."""

import os
import subprocess

import httpx
import pytest

from tests.servers.missing import unavailable
from tests.support.ingestors import eventually
from tests.support.roles import Tidemill

SMALL = "64m"
"""What ten versions of the small network take, three times."""
BLOCK_BYTES = 4_096


@pytest.fixture
def small_disk():
    """`small_disk(folder)` mounts a small file system there."""
    mounted = []

    def mount(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            pytest.skip("only root may mount the small file system that this test fills")
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tidemill-test", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            unavailable(f"root may mount no file system here ({done.stderr.strip()}): run where CAP_SYS_ADMIN is given")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Write until there is no space; return the file that holds it."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (256 * BLOCK_BYTES, BLOCK_BYTES):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


@pytest.mark.parametrize("under", ["state", "models"])
def test_a_full_disk_is_waited_for_and_nothing_is_lost(mill, small_disk, under):
    disk = small_disk(mill.folder / under)
    mill.send(300)
    with mill.site.ingesting(), mill.learning() as learner:
        mill.wait_all_learnt()
        eventually(lambda: any((mill.folder / "models" / "default").glob("[1-9]*")), "a version")
        ballast = fill(disk)
        mill.send(400)
        eventually(lambda: learner.outage, "the learner says so")
        assert "No space" in learner.outage or "full" in learner.outage
        assert mill.learnt() < 700
        assert not learner.ended()
        ballast.unlink()
        mill.wait_all_learnt()
        eventually(lambda: not learner.outage, "all is well")
    mill.check()


def readiness(tidemill):
    try:
        answer = httpx.get(f"http://127.0.0.1:{tidemill.ports['learn']}/readyz", timeout=3)
    except httpx.TransportError:
        return 0, ""
    return answer.status_code, answer.text


@pytest.mark.parametrize("under", ["state", "models"])
def test_a_learner_that_starts_on_a_full_disk_waits_too(tmp_path, small_disk, kafka_server, redis_server, under):
    ballast = fill(small_disk(tmp_path / under))
    settings = {
        "kafka": {"bootstrap_servers": kafka_server.bootstrap, "create_topics": True},
        "redis": {"url": redis_server.url},
        "image": {"size": 8},
        "model": {"architecture": "model.network.mlp:mlp"},
    }
    tidemill = Tidemill(tmp_path, settings)
    learner = tidemill.start("learn", "--set", f"job=full-{under}")
    try:
        eventually(lambda: "o space" in readiness(tidemill)[1] or "full" in readiness(tidemill)[1], "it says so")
        assert readiness(tidemill)[0] == 503
        assert learner.poll() is None, tidemill.logs()
        ballast.unlink()
        eventually(lambda: readiness(tidemill)[0] == 200, "it is ready")
    finally:
        assert tidemill.stop() == [0], tidemill.logs()
    assert "free space there" in (tmp_path / "learn-0.log").read_text()
