"""What can go wrong with a state directory. Each message says what to do about it."""

from pathlib import Path


class StateError(Exception):
    """The state directory cannot be used as it stands; an operator must act. `setting` is the key to look at."""

    setting = "paths.state"


class StateLockedError(StateError):
    """Another learner lives on the directory. `pid` is what it wrote in the lock file, or None."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"paths.state={path} is in use by {holder}: stop that learner, or choose another directory")
        self.pid = pid


class StateUnusableError(StateError):
    """The directory cannot be made, read or written."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(f"paths.state={path} cannot be used: {cause}")


class SchemaVersionError(StateError):
    """The database was written by another version of Tidemill, or is not one of Tidemill's."""


class ImageSizeError(StateError):
    """The store holds pictures of another size than `image.size`."""

    setting = "image.size"


class MissingFileError(StateError):
    """A segment or weights file that a row names is not there: the directory was changed from outside."""


class DamagedDatabaseError(StateError):
    """SQLite finds the database damaged: only a backup, or what can still be read of it, helps."""


class OlderStateError(StateError):
    """Others have gone on from this state: it was restored from a backup. Only `--adopt` accepts it."""

    def __init__(self, path: Path, unknown: str) -> None:
        super().__init__(
            f"paths.state={path} is older than what was made of it: {unknown}. Restore a newer backup; or start once "
            "with --adopt, and what this state does not know is read from Kafka again, as far as Kafka has it"
        )


class StateUnavailableError(OSError):
    """Database or files could not be written now (disk full, input/output error). Nothing changed; try again."""


class BrokenChainError(Exception):
    """The window does not continue from the positions, or does not hold together. Nothing was written."""


class OutOfTurnError(Exception):
    """The step is not the next one: a claim while one is open, a commit of another round, an unpublished version."""


class RefusedRequestError(Exception):
    """A request cannot be carried out. The message is the answer: what is wrong with it, and what would be right."""
