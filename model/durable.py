"""Files that survive a power cut: written aside, synced, renamed in, the folder synced after. All raise OSError.

What cannot be written is told as a DiskError: which file, and how many bytes it would have had.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from model.disk import writing

HASH_CHUNK_BYTES = 1 << 20
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""What a state directory has: pictures, labels and weights are their owner's alone."""
SHARED_FOLDER, SHARED_FILE = 0o755, 0o644
"""What a model repository has: inference services read it, whoever they are."""


def sync_folder(folder: Path) -> None:
    """Make renames within the folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with writing(folder):
            os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int | None = None) -> None:
    """Make the folder and its parents, durably. `mode`: of those that are made, whatever the umask says."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        if mode is not None:
            one.chmod(mode)
        sync_folder(one.parent)


def replace_durably(file: Path, *parts: bytes | memoryview, mode: int | None = None, as_folder: bool = False) -> None:
    """Write or replace a whole file: a reader sees the old bytes or the new ones, also after a crash.

    `mode`: of the new file, whatever the umask says. `as_folder`: written by root it belongs to its folder's owner.
    """
    aside = file.with_name(file.name + ".tmp")
    with writing(file, sum(memoryview(part).nbytes for part in parts)):
        try:
            with _anew(aside, mode) as out:
                if as_folder and os.geteuid() == 0:
                    owner = file.parent.stat()
                    os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
                for part in parts:
                    out.write(part)
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            remove_torn(aside)
            raise
        adopt(aside, file)


def _anew(file: Path, mode: int | None) -> BinaryIO:
    """Open a new file in place of what stands there: a link, or a pipe, is never written through."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    if mode is not None:
        os.fchmod(handle, mode)
    return open(handle, "wb")  # noqa: PTH123 - of a handle; the caller closes it


def remove_torn(file: Path) -> None:
    """Remove what was written in vain, for on a full disk every byte is wanted. Where that fails, the cause is said."""
    with suppress(OSError):
        file.unlink(missing_ok=True)


def write_synced(file: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file and make its bytes durable; its name is so once the folder is synced. `mode`: whatever the umask."""
    with writing(file, len(data)), _anew(file, mode) as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def rename_durably(source: Path, target: Path) -> None:
    """Rename, and make both folders durable."""
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def adopt(aside: Path, file: Path) -> None:
    """Rename a synced file in and sync the folder."""
    aside.replace(file)
    sync_folder(file.parent)


def file_sha256(file: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sweep(folder: Path, named: set[str]) -> list[str]:
    """Delete the files of a folder that are not `named`; return their names, sorted."""
    orphans = sorted(one.name for one in folder.iterdir() if one.name not in named and one.is_file())
    for name in orphans:
        (folder / name).unlink(missing_ok=True)
    return orphans


def sync_file(file: Path, mode: int) -> None:
    """Make a finished file's bytes durable, and give it its mode."""
    handle = os.open(file, os.O_RDONLY)
    try:
        with writing(file):
            os.fchmod(handle, mode)
            os.fsync(handle)
    finally:
        os.close(handle)
