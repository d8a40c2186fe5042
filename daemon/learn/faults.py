"""Who is to blame when a round fails: the window, or something outside that will be well again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.learn.whose_disk import is_the_disks
from daemon.outage import CURES, Need
from model.learning.errors import DeviceError, StateFileError, StoppedError
from model.network.errors import NetworkError
from model.publishing.errors import (
    ExportError,
    NonFiniteError,
    ParityError,
    PublishingError,
    RepositoryUnavailableError,
)
from model.store import sqlite_errors
from model.store.errors import DamagedDatabaseError, OutOfTurnError, StateError
from streaming.buffer import BufferFullError, BufferMisconfiguredError, BufferUnavailableError

OUTSIDE = (
    OSError,
    sqlite3.OperationalError,
    BufferFullError,
    BufferUnavailableError,
    DeviceError,
    ExportError,
    RepositoryUnavailableError,
)
"""Disk, Redis, repository, exporter, device: retried without limit, with back-off, not ready, and said.

Not all of sqlite3.OperationalError: see `lies_outside`; nor, within training, of OSError: see whose_disk.py.
"""

UNPUBLISHABLE = (NonFiniteError, ParityError)
"""What training made cannot be published: the same weights would give the same answer for ever."""

OURS = (StateError, StateFileError, OutOfTurnError, BufferMisconfiguredError, NetworkError, PublishingError)
"""Nothing that trying again could cure, and nothing that the window did: crash loudly."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the learner waits for: its kind, what people call it, and what they can do."""

    need: Need
    what: str
    cure: str


DISK = Waiting(
    Need.DISK, "the disk of paths.state or paths.repository", "free space there, or make it writable: see the reason"
)
RECORDS = Waiting(
    Need.RECORDS, "records that Redis lost", "the ingestors read them again from Kafka; if it lasts, see that one runs"
)
_WAITING: tuple[tuple[type[Exception], Waiting], ...] = (
    (
        BufferFullError,
        Waiting(Need.REDIS_MEMORY, "room in Redis (maxmemory)", CURES[Need.REDIS_MEMORY]),
    ),
    (BufferUnavailableError, Waiting(Need.REDIS, "Redis (redis.url)", CURES[Need.REDIS])),
    (
        DeviceError,
        Waiting(Need.DEVICE, "the device (learn.device)", "free its memory, lower round.batch, or set learn.device"),
    ),
    (
        ExportError,
        Waiting(Need.EXPORTER, "the exporter's process", "see the reason; it needs about 1 GB of memory for a minute"),
    ),
    (
        RepositoryUnavailableError,
        Waiting(Need.REPOSITORY, "the repository (paths.repository)", "make it writable, with space for a version"),
    ),
    (OSError, DISK),
    (sqlite3.OperationalError, DISK),
)


def waiting_for(error: Exception) -> Waiting:
    """Return what an error from outside says is away; what is none of OUTSIDE: records that the buffer misses."""
    return next((waiting for kind, waiting in _WAITING if isinstance(error, kind)), RECORDS)


def lies_outside(error: Exception) -> bool:
    """Return whether the error is one of OUTSIDE; of SQLite's own, only those of the disk and of other processes are.

    A statement that is wrong is an OperationalError, too: waiting would wait for ever.
    """
    if isinstance(error, sqlite3.Error):
        return sqlite_errors.passes(error)
    return isinstance(error, OUTSIDE)


class WindowFault(Exception):  # noqa: N818 - a verdict on the window
    """Training, staging or judging on this window failed. Counts as an attempt; the third quarantines the window.

    Unless windows in a row raise the same: then none of them is at fault (standstill.py).
    """

    def __init__(self, reason: str, signature: str = "") -> None:
        super().__init__(reason)
        self.signature = signature
        """The error's type and place of origin: what differs from window to window is no part of it."""


@contextmanager
def blame_window() -> Iterator[None]:
    """Turn whatever training and judging raise into WindowFault, but for what the window cannot have caused.

    Raises DamagedDatabaseError where SQLite finds its file damaged.
    """
    try:
        yield
    except UNPUBLISHABLE as error:
        raise _fault(error) from error
    except sqlite3.Error as error:
        if sqlite_errors.is_damage(error):
            raise DamagedDatabaseError(f"the state database is damaged: {error}") from error
        if lies_outside(error):
            raise
        raise _fault(error) from error
    except OSError as error:
        if is_the_disks(error):
            raise
        raise _fault(error) from error
    except (*OUTSIDE, *OURS, StoppedError):
        raise
    except Exception as error:
        raise _fault(error) from error


def _fault(error: Exception) -> WindowFault:
    return WindowFault(f"{type(error).__name__}: {error}", signature_of(error))


def signature_of(error: BaseException) -> str:
    """Return the error's type and where it was raised: "builtins.KeyError at model.learning.trainer:train:123".

    Its message is no part of it, for numbers in it differ from window to window; nor are frames of code that was made
    at run time, whose names count up.
    """
    place, trace = "nowhere", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<"):
            module = trace.tb_frame.f_globals.get("__name__", code.co_filename)
            place = f"{module}:{code.co_qualname}:{trace.tb_lineno}"
        trace = trace.tb_next
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__} at {place}"
