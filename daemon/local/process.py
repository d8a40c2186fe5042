"""A child process that ends with its parent, also when the parent is killed, and takes its folder with it."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")
LOG_NAME = "output.log"
LOG_TAIL_BYTES = 2_000
POLL_S = 0.02


class LocalServerMissingError(Exception):
    """The server's program is not installed. The message says how to get it."""


class LocalServerFailedError(Exception):
    """The server did not start. The message holds the end of what it wrote."""


def free_port() -> int:
    """Return a TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalProcess:
    """Runs `command` under a keeper (see keeper.py), with its output in `folder`/output.log.

    It has its own session, so that Ctrl-C on the terminal reaches the parent alone, which stops things in order.
    """

    def __init__(self, command: Sequence[str], folder: Path, *, grace_s: float = 10.0) -> None:
        self.folder = folder
        self._grace_s = grace_s
        self._keeper = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-I", "-S", str(KEEPER), str(folder), str(grace_s), str(self.log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline().strip()
        if not first:
            self._keeper.wait()
            raise LocalServerFailedError(f"{command[0]} could not be started")
        self.pid = int(first)

    @property
    def log(self) -> Path:
        """The file that the child's output goes to."""
        return self.folder / LOG_NAME

    def alive(self) -> bool:
        """Return whether the child still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return self._keeper.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child itself; nothing happens where it is gone."""
        if self.alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the child as a crash would, and return when it is gone. Its folder stays."""
        self.signal(signal.SIGKILL)
        self.stop(keep_folder=True)

    def stop(self, *, keep_folder: bool = False) -> None:
        """End the child (SIGTERM, then SIGKILL after the grace); remove its folder unless `keep_folder`."""
        if self._keeper.poll() is None:
            # The keeper itself kills the child after the grace; the rest is for a machine under load.
            self._keeper.communicate(b"keep" if keep_folder else None, timeout=self._grace_s + 10)

    def wait_until(self, answers: Callable[[], bool], timeout_s: float) -> None:
        """Return once `answers()` is true. Raises LocalServerFailedError when the child dies or time is over."""
        pause = threading.Event()
        for _ in range(int(timeout_s / POLL_S)):
            answered = answers()
            if not self.alive():
                raise LocalServerFailedError(f"the server ended at once: {self.log_tail()}")
            if answered:
                return
            pause.wait(POLL_S)
        raise LocalServerFailedError(f"the server did not answer within {timeout_s:g} s: {self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of the child's output."""
        if not self.log.exists():
            return "it wrote nothing"
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip() or "it wrote nothing"
