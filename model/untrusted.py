"""Files in folders that others may write: opened without following links or waiting, read only where they are plain.

A name there may be a link to a file elsewhere, a pipe that nobody writes, a device without end, a folder. Whoever opens
it as it comes hangs, fills its memory, or changes another file. Light: loads nothing.
"""

import errno
import os
import stat
from pathlib import Path

FOLDER = "a folder"
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, FOLDER),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_REFUSED = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EISDIR})
"""What the system says of a link, a socket, a device that is not there, a folder that is to be written."""


class UnfitFileError(OSError, ValueError):
    """What stands there is no plain file, or is too large: whoever wrote it must put it right, and waiting does not."""

    def __init__(self, path: Path, why: str) -> None:
        """`why` follows "it is" or stands alone, without a full stop."""
        super().__init__(errno.EINVAL, why, str(path))
        self.why = why

    def __str__(self) -> str:
        return f"{self.filename}: {self.why}"


def kind_of(mode: int) -> str:
    """Return what a file's mode says it is, for people; empty for a regular file."""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "" if stat.S_ISREG(mode) else "no regular file")


def open_plain(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Return a descriptor of the regular file at `path`. Raises UnfitFileError where it is none, and OSError."""
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise UnfitFileError(path, _must(kind_of(os.lstat(path).st_mode))) from error
    words = kind_of(os.fstat(handle).st_mode)
    if words:
        os.close(handle)
        raise UnfitFileError(path, _must(words))
    return handle


def read_plain(path: Path, bytes_max: int) -> bytes:
    """Return the bytes of the regular file at `path`. Raises UnfitFileError: none, or longer; and OSError."""
    with open(open_plain(path), "rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise UnfitFileError(path, f"it has more than {bytes_max} bytes")
    return data


def _must(words: str) -> str:
    return f"it is {words or 'no regular file'}, and must be a regular file: delete it"
