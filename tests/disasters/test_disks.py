"""A disk is full, under the state or under the repository: the learner waits, says so, and then goes on."""

import os
import subprocess

import pytest

from tests.servers.missing import unavailable
from tests.support.ingestors import eventually

SMALL = "12m"
LEFT_BYTES = 4_096


@pytest.fixture
def small_disk(tmp_path):
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
    """Leave next to nothing of the file system; return the file that holds it."""
    room = os.statvfs(folder)
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        file.write(b"\0" * max(0, room.f_bavail * room.f_frsize - LEFT_BYTES))
    return ballast


@pytest.mark.parametrize("under", ["state", "models"])
def test_a_full_disk_is_waited_for_and_nothing_is_lost(mill, small_disk, under):
    disk = small_disk(mill.folder / under)
    mill.send(150)
    with mill.site.ingesting(), mill.learning() as learner:
        mill.wait_learnt(128)
        eventually(lambda: any((mill.folder / "models" / "default").glob("[1-9]*")), "a version", timeout_s=120)
        ballast = fill(disk)
        mill.send(400)
        eventually(lambda: learner.outage, "the learner says so", timeout_s=60)
        assert "No space" in learner.outage or "full" in learner.outage
        stuck = mill.learnt()
        assert stuck < 550
        assert not learner.ended()
        ballast.unlink()
        mill.wait_all_learnt()
        eventually(lambda: not learner.outage, "all is well", timeout_s=60)
    mill.check()
