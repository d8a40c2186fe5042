"""Files that survive a power cut: written aside, fsynced, renamed, and the folder fsynced."""

import hashlib
import os
from pathlib import Path

_CHUNK = 1 << 20


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and make its bytes durable; its name is so once the folder is fsynced. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, data: bytes) -> None:
    """Replace a file at once: a reader sees the old bytes or the new ones, also after a crash. Raises OSError."""
    aside = path.with_name(f".{path.name}.new")
    write_durably(aside, data)
    aside.replace(path)
    fsync_folder(path.parent)


def rename_durably(source: Path, target: Path) -> None:
    """Rename, and make both folders durable. Raises OSError."""
    source.rename(target)
    fsync_folder(target.parent)
    if source.parent != target.parent:
        fsync_folder(source.parent)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as hex digits. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
