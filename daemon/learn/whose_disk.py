"""Whose an OSError is that came out of training: the disk's, which is waited for, or of somebody else's code."""

import errno
import sys
from pathlib import Path
from types import TracebackType

from model.disk import DiskError
from model.store.errors import StateUnavailableError

OF_THE_DISK = frozenset({
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EFBIG),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
})  # fmt: skip
"""Disk full, broken or away, and what the machine is short of: whoever asks is refused, until it is well again."""
ROOT = Path(__file__).parents[2]
PACKAGES = ("daemon", "model", "streaming")


def is_the_disks(error: OSError) -> bool:
    """Return whether waiting may cure it: it is a disk's by type or errno, or was raised where we use files ourselves.

    A network of somebody's own that opens a file which is not there raises an OSError as well: that is a bug, no disk.
    """
    if isinstance(error, DiskError | StateUnavailableError) or error.errno in OF_THE_DISK:
        return True
    return _is_ours(_innermost(error.__traceback__))


def _innermost(trace: TracebackType | None) -> str:
    """Return the file of the innermost frame outside of Python's own library; empty where there is none."""
    file = ""
    while trace is not None:
        frame = trace.tb_frame
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in sys.stdlib_module_names:
            file = frame.f_code.co_filename
        trace = trace.tb_next
    return file


def _is_ours(file: str) -> bool:
    return any(Path(file).is_relative_to(ROOT / package) for package in PACKAGES)
