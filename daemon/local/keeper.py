"""Keeps one child process for as long as its own standard input stays open; then ends it and removes its folder.

Run as a script, with nothing but the standard library: `python keeper.py FOLDER GRACE_S LOG COMMAND...`. It writes the
child's process id as its first line. The pipe closes also when the parent is killed, so nothing is left behind then;
where the parent writes `keep` before it closes the pipe, the folder stays.
"""

import contextlib
import ctypes
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


def _die_with_keeper() -> None:
    """Ask Linux to kill this process when the keeper itself is killed; elsewhere the pipe alone must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes], reaped: threading.Event, grace_s: float) -> None:
    """Ask the child to stop, wake it where it is paused, and kill it when the grace is over."""
    for number in (signal.SIGTERM, signal.SIGCONT):
        child.send_signal(number)
    if not reaped.wait(grace_s):
        child.kill()
        reaped.wait()


def keep(folder: Path, grace_s: float, log: Path, command: list[str]) -> int:
    """Start `command`, wait for the end of standard input, end the child. Returns 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    remove = True
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - the command is the parent's
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_keeper,  # noqa: PLW1509 - no thread runs yet
        )
    reaped = threading.Event()

    def reap() -> None:
        child.wait()
        reaped.set()

    threading.Thread(target=reap, daemon=True).start()
    try:
        sys.stdout.write(f"{child.pid}\n")
        sys.stdout.flush()
        remove = not sys.stdin.buffer.read().endswith(b"keep")
    finally:
        _end(child, reaped, grace_s)
        if remove:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(keep(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
