"""Which disk the learner waits for, by the path that was refused."""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.learn.faults import Waiting
from daemon.outage import Need
from model.disk import describe, is_full, room
from model.store.errors import StateUnavailableError


@dataclass(frozen=True, slots=True)
class Disks:
    """Where the learner writes."""

    state: Path
    repository: Path

    def told(self, error: Exception, waiting: Waiting) -> tuple[Waiting, str]:
        """Return what is waited for, with the setting of the disk at fault, and the reason with what is missing."""
        reason = f"{type(error).__name__}: {error}"
        if waiting.need is not Need.DISK:
            return waiting, reason
        if isinstance(error, sqlite3.Error | StateUnavailableError):
            setting, path = "paths.state", self.state
            reason = f"{reason}; {path}{room(None, path, None)}"
        elif isinstance(error, OSError):
            setting, path = self._named(error)
            reason = f"{type(error).__name__}: {describe(error, path)}"
        else:
            return waiting, reason
        return replace(waiting, what=f"the disk of {setting}"), reason

    def _named(self, error: OSError) -> tuple[str, Path]:
        """Return the setting, and a path for errors that name none: of the disk that is full."""
        name = error.filename
        if not isinstance(name, str | bytes):
            full = self.repository if is_full(self.repository) and not is_full(self.state) else self.state
            return "paths.state or paths.repository", full
        path = Path(name if isinstance(name, str) else name.decode(errors="replace")).absolute()
        roots = {"paths.state": self.state.absolute(), "paths.repository": self.repository.absolute()}
        return next((setting for setting, root in roots.items() if path.is_relative_to(root)), str(path)), path
