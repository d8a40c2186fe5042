"""The folders of a state directory: made and locked before anything is read, swept once it is known what is named."""

import sqlite3
from pathlib import Path

from model.durable import PRIVATE_FOLDER, make_folder, sweep, sync_folder
from model.store.database import FILE_NAME
from model.store.errors import MissingFileError, StateUnusableError
from model.store.lock import DirectoryLock
from model.store.requests import FOLDER as REQUESTS
from model.store.segments import SEGMENTS_FOLDER as SEGMENTS
from model.store.segments import Segments
from model.untrusted import UnfitFileError

WEIGHTS = "weights"
WEIGHTS_SUFFIX = ".safetensors"


def prepare(path: Path) -> DirectoryLock:
    """Make the folders and take the lock. Raises StateError."""
    try:
        make_folder(path, PRIVATE_FOLDER)
        lock = DirectoryLock(path)
    except UnfitFileError as error:
        raise StateUnusableError(path, str(error)) from error
    except OSError as error:
        raise StateUnusableError(path, f"{error.strerror} (it must be a directory that this user may write)") from error
    try:
        for name in (SEGMENTS, WEIGHTS, REQUESTS):
            make_folder(path / name, PRIVATE_FOLDER)
        if (path / REQUESTS).is_symlink():
            raise UnfitFileError(path / REQUESTS, "it is a symbolic link, and must be a folder: delete the link")
    except OSError as error:
        lock.release()
        raise StateUnusableError(path, str(error)) from error
    return lock


def check_files(database: sqlite3.Connection, path: Path) -> None:
    """Sweep what a crash left unnamed; raise MissingFileError for a named file that is gone."""
    segments = {Segments.file_name(row[0]) for row in database.execute("SELECT digest FROM segments")}
    weights = {f"{row[0]}{WEIGHTS_SUFFIX}" for row in database.execute("SELECT digest FROM weights")}
    for folder, named in ((path / SEGMENTS, segments), (path / WEIGHTS, weights)):
        missing = sorted(named - {one.name for one in folder.iterdir()})
        if missing:
            message = (
                f"{folder}/{missing[0]} is gone ({len(missing)} files are): restore them, then run tidemill verify"
            )
            raise MissingFileError(message)
        sweep(folder, named)
    # The database's own name must survive a power cut, as the files' do.
    if (path / FILE_NAME).exists():
        sync_folder(path)


def remove_file(file: Path) -> int:
    """Delete a file, if it is there; return the bytes that it had. Raises OSError."""
    size = file.stat().st_size if file.exists() else 0
    file.unlink(missing_ok=True)
    return size
