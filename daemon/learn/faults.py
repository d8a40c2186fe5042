"""Who is to blame when a round fails: the window, or something outside that will be well again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
