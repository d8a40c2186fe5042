"""The lock that makes a learner the only one on its state directory."""

import fcntl
import os
from pathlib import Path

from model.store.errors import StateLockedError

FILE_NAME = ".lock"
PID_WIDTH = 31


class DirectoryLock:
    """An exclusive flock on `<folder>/.lock`, held until `release` or the death of the process.

    The kernel drops it with the last descriptor, so a kill leaves nothing behind; a stopped process keeps it. The
    descriptor closes on exec. A child that is forked without exec would keep the lock alive: use spawn.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises StateLockedError at once when another holds it; OSError."""
        handle = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).strip()
            os.close(handle)
            raise StateLockedError(folder, int(holder) if holder.isdigit() else None) from None
        try:
            # Over what the last one wrote, in one length: a full disk has room for that.
            os.pwrite(handle, f"{os.getpid():<{PID_WIDTH}}\n".encode(), 0)
        except OSError:
            os.close(handle)
            raise
        self._handle: int | None = handle

    def release(self) -> None:
        """Let go. Safe to repeat. The file stays: deleting it would let two learners lock two files."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
