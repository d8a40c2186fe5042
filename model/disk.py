"""What a disk refuses, told with the path, with what was wanted there, and with what is free."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""No room, and no more for this user: the numbers of bytes tell what to do."""
READ_ONLY = frozenset({errno.EROFS})
"""As a file system is remounted by the kernel after errors of its disk."""
_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


class DiskError(OSError):
    """A file could not be written: the OSError that it was, with its path and what was needed there."""

    def __init__(self, number: int, said: str, path: Path, needed: int | None = None) -> None:
        """`number` is the errno, `said` the system's word for it, `needed` the bytes that the file would have had."""
        super().__init__(number, said, str(path))
        self.needed = needed
        self._room = room(number, path, needed)

    def __str__(self) -> str:
        return f"{super().__str__()}{self._room}"


@contextmanager
def writing(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn the system's refusal to write `path` into a DiskError: most of them name no file."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        number = error.errno or errno.EIO
        raise DiskError(number, error.strerror or str(error), path, needed) from error


def describe(error: OSError, default: Path) -> str:
    """Return what the system said, of which path, and what is missing there; `default`: where it names no path."""
    if isinstance(error, DiskError):
        return str(error)
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else default
    where = "" if error.filename is not None else f": {str(path)!r}"
    return f"{error}{where}{room(error.errno, path, None)}"


def room(number: int | None, path: Path, needed: int | None) -> str:
    """Return, in brackets, what is free on the disk of `path` and what is missing; empty where that is not the cause.

    No number (None) is a full disk as far as anyone knows: a library's own word for it.
    """
    if number is not None and number not in FULL:
        return ""
    wanted = "" if needed is None else f"{amount(needed)} needed, "
    if number == errno.EDQUOT:
        return f" ({wanted}and this user's quota there is used up)"
    disk = disk_of(path)
    if disk is None:
        return f" ({wanted}and what is free there cannot be asked)"
    if disk.f_files and not disk.f_favail:
        return f" ({wanted}and no inode is left there: delete files, however small)"
    free = disk.f_bavail * disk.f_frsize
    missing = "" if needed is None or needed <= free else f": {amount(needed - free)} missing"
    return f" ({wanted}{amount(free)} free there{missing})"


def is_full(path: Path) -> bool:
    """Return whether the disk of `path` has no block or no inode left for this user; False where it cannot be asked."""
    disk = disk_of(path)
    return disk is not None and (not disk.f_bavail or bool(disk.f_files and not disk.f_favail))


def is_read_only(path: Path) -> bool:
    """Return whether the file system of `path` is mounted read-only; False where it cannot be asked."""
    disk = disk_of(path)
    return disk is not None and bool(disk.f_flag & os.ST_RDONLY)


def amount(count: int) -> str:
    """Return a number of bytes for people to read."""
    unit = next(((size, name) for size, name in _UNITS if count >= size), None)
    return f"{count} B" if unit is None else f"{count / unit[0]:.1f} {unit[1]}"


def disk_of(path: Path) -> os.statvfs_result | None:
    """Ask the file system of `path`, or of the nearest folder above it that there is; None where none answers."""
    for one in (path, *path.parents):
        try:
            return os.statvfs(one)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None
