"""The learner opens what it owns as soon as the disk lets it, and refuses what waiting does not cure."""

import errno
import sqlite3
import threading

import pytest

from daemon.composition.opening import open_when_there_is_room, passes
from daemon.errors import OperatorError
from daemon.outage import Need, Outage
from model.publishing.errors import ForeignRepositoryError, RepositoryUnavailableError
from model.store.errors import StateUnusableError


class Disk:
    """Refuses with one error after another, then opens."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def open(self):
        if self.errors:
            raise self.errors.pop(0)
        return "opened"


def caused(error, cause):
    error.__cause__ = cause
    return error


def sqlite_error(code):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def outage():
    return Outage("nothing yet", Need.DISK, lambda: 0.0, delay_max_s=0.01)


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_waited_for_and_said(outage, tmp_path):
    disk = Disk(
        caused(StateUnusableError(tmp_path, "full"), FULL),
        caused(RepositoryUnavailableError("full"), FULL),
        caused(StateUnusableError(tmp_path, "full"), sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE)),
        FULL,
    )
    assert open_when_there_is_room(disk.open, "paths.state", outage, threading.Event()) == "opened"
    assert not disk.errors
    assert not outage.ongoing


def test_whoever_stops_it_need_not_wait_for_room(outage):
    stop = threading.Event()

    class Endless(Disk):
        def open(self):
            stop.set()
            raise FULL

    assert open_when_there_is_room(Endless().open, "paths.state", outage, stop) is None
    assert "No space left" in outage.reason


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, "Permission denied"),
        OSError(errno.EROFS, "Read-only file system"),
        sqlite_error(sqlite3.SQLITE_READONLY),
        sqlite_error(sqlite3.SQLITE_CANTOPEN),
    ],
)
def test_what_waiting_does_not_cure_is_refused(error, outage, tmp_path):
    refused = caused(StateUnusableError(tmp_path, "no"), error)
    assert not passes(refused)
    with pytest.raises(OperatorError, match=r"paths\.state"):
        open_when_there_is_room(Disk(refused).open, "paths.state", outage, threading.Event())


def test_a_repository_of_another_state_says_how_to_take_it_over(outage):
    foreign = ForeignRepositoryError("holds versions from another state directory")
    with pytest.raises(OperatorError, match="learn --adopt"):
        open_when_there_is_room(Disk(foreign).open, "paths.repository", outage, threading.Event())
