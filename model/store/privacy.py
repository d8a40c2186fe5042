"""Whose eyes a state directory is for: its owner's alone. It holds pictures, labels and weights.

What is made has its mode from the start (`model.durable.PRIVATE_FILE`). Here is what earlier versions left, or a
restore: only names that are ours are touched, no link is followed, and nothing below a folder that is not ours.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.durable import PRIVATE_FILE, PRIVATE_FOLDER
from model.store.database import FILE_NAME as DATABASE
from model.store.folders import WEIGHTS
from model.store.lock import FILE_NAME as LOCK
from model.store.requests import FOLDER as REQUESTS
from model.store.segments import SEGMENTS_FOLDER as SEGMENTS

TEMPLATES = "templates"
PASSAGE = 0o711
"""Of a state directory in which the repository lies: others reach what they know the name of, and list nothing."""
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Tightened:
    """What was closed to others, and what could not be, since it belongs to somebody else."""

    closed: int
    refused: tuple[Path, ...]


def tighten(state: Path, shared: Path) -> Tightened:
    """Close the state directory to others, and what the learner has in it. `shared`: the model repository.

    Where that lies within, one can still pass through to it. Raises OSError.
    """
    within = shared.resolve().is_relative_to(state.resolve())
    closed, refused = 0, []
    for path, mode in _ours(state, PASSAGE if within else PRIVATE_FOLDER):
        try:
            found = path.lstat()
            is_open = found.st_mode & _OTHERS & ~mode
            is_shut = mode == PASSAGE and mode & ~found.st_mode
            if stat.S_ISLNK(found.st_mode) or not (is_open or is_shut):
                continue
            path.chmod(mode)
            closed += 1
        except FileNotFoundError:
            continue
        except PermissionError:
            refused.append(path)
    return Tightened(closed, tuple(refused))


def _ours(state: Path, mode: int) -> Iterator[tuple[Path, int]]:
    yield state, mode  # first: nobody reaches what is below any more
    for name in (LOCK, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        yield state / name, PRIVATE_FILE
    for name in (SEGMENTS, WEIGHTS, REQUESTS, TEMPLATES):
        folder = state / name
        if not folder.is_dir() or folder.is_symlink():
            continue
        yield folder, PRIVATE_FOLDER
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield folder / entry.name, PRIVATE_FILE
