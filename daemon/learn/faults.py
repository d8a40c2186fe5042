"""Who is to blame when a round fails: the window, or something outside that will be well again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.outage import Need
from model.learning.errors import DeviceError, StateFileError, StoppedError
from model.network.errors import NetworkError
from model.publishing.errors import (
    ExportError,
    NonFiniteError,
    ParityError,
    PublishingError,
    RepositoryUnavailableError,
)
from model.store.errors import OutOfTurnError, StateError
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
"""Disk, Redis, repository, exporter, device: retried without limit, with back-off, not ready, and said."""

UNPUBLISHABLE = (NonFiniteError, ParityError)
"""What training made cannot be published: the same weights would give the same answer for ever."""

OURS = (StateError, StateFileError, OutOfTurnError, BufferMisconfiguredError, NetworkError, PublishingError)
"""Nothing that trying again could cure, and nothing that the window did: crash loudly."""


_NEEDS: tuple[tuple[type[Exception], Need], ...] = (
    (BufferFullError, Need.REDIS_MEMORY),
    (BufferUnavailableError, Need.REDIS),
    (DeviceError, Need.DEVICE),
    (ExportError, Need.EXPORTER),
    (RepositoryUnavailableError, Need.REPOSITORY),
    (OSError, Need.DISK),
    (sqlite3.OperationalError, Need.DISK),
)


def need_of(error: Exception) -> Need:
    """Return what an error from outside says is away; what is none of OUTSIDE: records that the buffer misses."""
    return next((need for kind, need in _NEEDS if isinstance(error, kind)), Need.RECORDS)


class WindowFault(Exception):  # noqa: N818 - a verdict on the window
    """Training, staging or judging on this window failed. Counts as an attempt; the third quarantines the window."""


@contextmanager
def blame_window() -> Iterator[None]:
    """Turn whatever training and judging raise into WindowFault, but for what the window cannot have caused."""
    try:
        yield
    except UNPUBLISHABLE as error:
        raise WindowFault(f"{type(error).__name__}: {error}") from error
    except (*OUTSIDE, *OURS, StoppedError):
        raise
    except Exception as error:
        raise WindowFault(f"{type(error).__name__}: {error}") from error
