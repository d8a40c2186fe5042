"""Opens what the learner has written, for looking at only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from daemon.config import Config
from daemon.errors import OperatorError

if TYPE_CHECKING:
    from model.store.ledger import Ledger
    from model.store.viewing import Viewer

DATABASE = "tidemill.db"


@contextmanager
def open_ledger(config: Config) -> Iterator["Ledger"]:
    """Yield the ledger of `paths.state`, which a learner may be writing. Raises OperatorError, StateError."""
    from model.store.ledger import Ledger  # noqa: PLC0415 - only where needed, for a quick --help

    folder = config.paths.state
    if not (folder / DATABASE).exists():
        cure = "Start `tidemill learn` once, or name the folder with --state"
        raise OperatorError("paths.state", f"{folder} is no state directory of a learner", cure)
    ledger = Ledger.read_only(folder)
    try:
        yield ledger
    finally:
        ledger.close()


def open_viewer(config: Config) -> "Viewer":
    """Return what looks at the samples in `paths.state`, to be closed. Raises OperatorError, StateError."""
    from model.store.viewing import Viewer  # noqa: PLC0415 - only where needed, for a quick --help

    with open_ledger(config):  # says what is wrong where there is no state
        return Viewer(config.paths.state)
