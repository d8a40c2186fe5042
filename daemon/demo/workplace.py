"""The working folder: what the demo leaves there, and that it is nobody else's."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from daemon.errors import OperatorError

MARKER = ".tidemill-demo"


@dataclass(frozen=True, slots=True)
class Workplace:
    """Paths inside the working folder."""

    folder: Path

    @property
    def logs(self) -> Path:
        """The folder of the roles' log."""
        return self.folder / "logs"

    @property
    def pulled(self) -> Path:
        """The follower's copy of the champion."""
        return self.folder / "pulled" / "model.onnx"

    @property
    def picture(self) -> Path:
        """Accuracy by class over the versions."""
        return self.folder / "accuracy.png"

    @property
    def table(self) -> Path:
        """The versions and the verdict, for programs."""
        return self.folder / "versions.json"

    @property
    def metrics(self) -> Path:
        """The folder of each role's last metrics."""
        return self.folder / "metrics"

    @property
    def repository(self) -> Path:
        """The model repository."""
        return self.folder / "models"

    @property
    def config(self) -> Path:
        """The roles' configuration, for `tidemill … --config`."""
        return self.folder / "tidemill.toml"


@contextmanager
def open_workplace(folder: Path) -> Iterator[Workplace]:
    """Make the folder, empty of an earlier demo's things, and keep other demos out. Raises OperatorError.

    A folder that holds anything and was not made by a demo is never touched.
    """
    marker = _claim(folder)
    try:
        place = Workplace(folder.resolve())
        _clear(place)
        yield place
    finally:
        marker.close()


def _claim(folder: Path) -> TextIO:
    """Return the folder's marker, open and locked."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARKER).is_file():
            message = f"the folder {folder} holds something, and no demo made it"
            raise OperatorError("", message, "Name another with --dir")
        marker = (folder / MARKER).open("w")
    except OSError as error:
        message = f"the folder {folder} cannot be used ({error.strerror})"
        raise OperatorError("", message, "Name another with --dir") from error
    try:
        fcntl.flock(marker.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        marker.close()
        raise OperatorError("", f"another demo runs in {folder}", "Name another folder with --dir") from error
    return marker


def _clear(place: Workplace) -> None:
    for path in place.folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for folder in (place.logs, place.metrics, place.pulled.parent):
        folder.mkdir()
