"""Real processes: they die with the supervisor, their last words are kept, their groups go with them."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.supervisor.process import Spawned
from tests.support.roles import eventually

SUPERVISOR = """
import sys, threading
from daemon.supervisor.process import Spawned
sets = ["--set", "http.port=0", "--set", "log.format=json", "--set", "paths.repository=" + sys.argv[1]]
spawned = Spawned("serve", sets, errors=sys.stdout)
sys.stdout.write(f"{spawned.pid}\\n"); sys.stdout.flush()
threading.Event().wait(60)
"""


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody waits for any more counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_role_dies_with_its_supervisor(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert '"starting"' in parent.stdout.readline()
    assert '"serving"' in parent.stdout.readline()
    assert not gone(child)
    parent.kill()
    parent.wait()
    eventually(lambda: gone(child), "the role ends with its supervisor", 10)


def test_a_role_whose_supervisor_is_gone_already_does_not_start():
    orphan = [sys.executable, "-m", "daemon.supervisor.child", "1", "config"]
    done = subprocess.run(orphan, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")


def test_what_a_role_says_is_passed_on_and_its_end_is_kept():
    errors = io.StringIO()
    spawned = Spawned("serve", ["--set", "nonsense=1"], errors=errors)
    eventually(lambda: spawned.poll() is not None, "the role ends", 30)
    assert spawned.poll() == 2
    assert "nonsense" in spawned.last_words()
    assert "nonsense" in errors.getvalue()


@pytest.mark.parametrize("paused", [False, True])
def test_a_role_has_a_group_of_its_own_and_can_be_killed(tmp_path, paused):
    errors = io.StringIO()
    spawned = Spawned("serve", ["--set", "http.port=0", "--set", f"paths.repository={tmp_path}"], errors=errors)
    assert os.getpgid(spawned.pid) == spawned.pid != os.getpgrp()
    if paused:
        os.kill(spawned.pid, signal.SIGSTOP)
    spawned.kill()
    assert spawned.poll() == -signal.SIGKILL
    spawned.terminate()
