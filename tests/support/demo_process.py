"""`tidemill demo` as a process, in a folder of its own, and what it leaves behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

WAIT_S = 150.0
LOOK_S = 0.1


class DemoProcess:
    """Runs in `home`, with its temporary files in `home`/tmp: by that setting its children are found, all of them."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        self.output = home / "demo-output"
        self._said = home / "said.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from daemon.cli import main; main()", "demo", *options],
                cwd=home,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """Return what it has written so far."""
        return self._said.read_text()

    def wait_said(self, text: str) -> None:
        """Return when it has written `text`; fail when it ends or time is over."""
        wait_until(lambda: text in self.said() or self.process.poll() is not None, self)
        assert text in self.said(), self.said()

    def send(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def children(self) -> list[str]:
        """Return the command of every process that lives and was started by it."""
        mark = f"TMPDIR={self.temporary}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (ProcessLookupError, FileNotFoundError, PermissionError):
                continue
            if mark in environment and command and int(folder.name) != self.process.pid:
                found.append(f"{folder.name} {command}")
        return found

    def kill_role(self, role: str) -> None:
        """Kill a role as a crash would."""
        (pid,) = [
            int(one.split()[0]) for one in self.children() if "daemon.supervisor.child" in one and f" {role} " in one
        ]
        os.kill(pid, signal.SIGKILL)

    def left(self) -> list[str]:
        """Return what is left in the folder of temporary files, but for the cache that torch makes for each user."""
        return sorted(path.name for path in self.temporary.iterdir() if not path.name.startswith("torchinductor_"))

    def close(self) -> None:
        """End it, whatever a failed test left running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_until(true: Callable[[], bool], demo: DemoProcess) -> None:
    """Return when `true()`; fail when time is over."""
    pause = threading.Event()
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, demo.said()
        pause.wait(LOOK_S)
