"""The lock that makes a learner the only one on its state directory."""

import fcntl
import os
from pathlib import Path

from model.durable import PRIVATE_FILE
from model.store.errors import StateLockedError
from model.untrusted import open_plain

FILE_NAME = ".lock"
WIDTH = 31
"""Characters of what stands in the file: the process, and in which round it stopped in order."""
STOPPED = "stopped"


class DirectoryLock:
    """An exclusive flock on `<folder>/.lock`, held until `release` or the death of the process.

    The kernel drops it with the last descriptor, so a kill leaves nothing behind; a stopped process keeps it. The
    descriptor closes on exec. A child that is forked without exec would keep the lock alive: use spawn.
    """

    stopped_in: int
    """The round within which the process before stopped in order, or this one does; 0: none."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises StateLockedError at once when another holds it; UnfitFileError, OSError."""
        handle = open_plain(folder / FILE_NAME, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, WIDTH, 0).split()
            os.close(handle)
            raise StateLockedError(folder, int(holder[0]) if holder and holder[0].isdigit() else None) from None
        self._handle: int | None = handle
        try:
            self._write(_stopped_in(os.pread(handle, WIDTH, 0)))
        except OSError:
            self.release()
            raise

    def note_stop(self, round_number: int) -> None:
        """Note that the process stops, or waits, in order within a round, also on a full disk; 0: it no longer does.

        The note outlasts the process, and the next one that takes the lock. Raises OSError.
        """
        if round_number != self.stopped_in:
            self._write(round_number)

    def _write(self, round_number: int) -> None:
        if self._handle is None:
            return
        note = f"{os.getpid()} {STOPPED} {round_number}" if round_number else f"{os.getpid()}"
        # Over what the last one wrote, in one length: a full disk has room for that.
        os.pwrite(self._handle, f"{note:<{WIDTH}}\n".encode(), 0)
        os.fsync(self._handle)
        self.stopped_in = round_number

    def release(self) -> None:
        """Let go. Safe to repeat. The file stays: deleting it would let two learners lock two files."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _stopped_in(note: bytes) -> int:
    parts = note.split()
    known = len(parts) == 3 and parts[1] == STOPPED.encode() and parts[2].isdigit()
    return int(parts[2]) if known else 0
