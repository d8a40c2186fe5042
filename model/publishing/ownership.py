"""Whose repository this is: a lock for the life of the process, and the id of the state directory that feeds it."""

import fcntl
import os
from pathlib import Path

from model.disk import describe
from model.durable import SHARED_FILE, SHARED_FOLDER, make_folder, replace_durably
from model.publishing.errors import ForeignRepositoryError, RepositoryLockedError, RepositoryUnavailableError
from model.publishing.layout import ModelPaths
from model.untrusted import UnfitFileError, open_plain, read_plain

STATE_ID_BYTES_MAX = 1_024


def unavailable(root: Path, error: OSError) -> RepositoryUnavailableError:
    """Return the error that names the setting and what the system said."""
    return RepositoryUnavailableError(f"paths.repository = {str(root)!r} cannot be written: {describe(error, root)}")


def take_lock(paths: ModelPaths) -> int:
    """Return an open file that holds the model's lock until it is closed, or the process ends however it ends.

    Raises RepositoryLockedError, RepositoryUnavailableError.
    """
    try:
        make_folder(paths.home, SHARED_FOLDER)
        handle = open_plain(paths.lock, os.O_RDWR | os.O_CREAT, SHARED_FILE)
    except OSError as error:
        raise unavailable(paths.root, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise RepositoryLockedError(
            f"paths.repository = {str(paths.root)!r}: another learner writes the model {paths.model!r}"
        ) from error
    except OSError as error:
        os.close(handle)
        raise unavailable(paths.root, error) from error
    return handle


def check_state_id(paths: ModelPaths, state_id: str, *, adopt: bool) -> bool:
    """Leave `state_id` in a repository that is new; return whether it is that state's.

    Raises ForeignRepositoryError where it is another's, unless `adopt`: nothing is written then; and OSError.
    """
    try:
        found = _read_state_id(paths)
    except FileNotFoundError:
        found = "" if any(paths.home.glob("[1-9]*")) or paths.pointer.exists() else state_id
        if found:
            write_state_id(paths, state_id)
    if found != state_id and not adopt:
        raise ForeignRepositoryError(
            f"paths.repository = {str(paths.root)!r} holds versions of {paths.model!r} from another state directory "
            f"({found or 'unnamed'}, not {state_id})"
        )
    return found == state_id


def read_state_id(paths: ModelPaths) -> str:
    """Return whose repository it is; empty where nothing readable says so. Raises OSError."""
    try:
        return _read_state_id(paths)
    except (FileNotFoundError, NotADirectoryError, UnfitFileError):
        return ""


def _read_state_id(paths: ModelPaths) -> str:
    return read_plain(paths.state_id, STATE_ID_BYTES_MAX).decode("ascii", "replace").strip()


def write_state_id(paths: ModelPaths, state_id: str) -> None:
    """Give the repository to a state directory. Raises OSError."""
    replace_durably(paths.state_id, f"{state_id}\n".encode(), mode=SHARED_FILE)
