"""Each failure from outside is counted by what is away."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from daemon.learn.faults import OUTSIDE, WindowFault, blame_window, lies_outside, waiting_for
from daemon.learn.taker import BrokenChainError
from daemon.outage import Need
from model.disk import DiskError
from model.durable import sync_folder
from model.learning.errors import DeviceError
from model.publishing.errors import ExportError, RepositoryUnavailableError
from model.store.database import transaction
from model.store.errors import DamagedDatabaseError, StateUnavailableError
from streaming.buffer import BufferFullError, BufferUnavailableError

NEEDS = {
    OSError: Need.DISK,
    StateUnavailableError: Need.DISK,
    sqlite3.OperationalError: Need.DISK,
    BufferFullError: Need.REDIS_MEMORY,
    BufferUnavailableError: Need.REDIS,
    BrokenChainError: Need.RECORDS,
    DeviceError: Need.DEVICE,
    ExportError: Need.EXPORTER,
    RepositoryUnavailableError: Need.REPOSITORY,
}


@pytest.mark.parametrize("kind", NEEDS)
def test_a_failure_says_what_is_away(kind):
    away = waiting_for(kind("gone"))
    assert away.need is NEEDS[kind]
    assert away.what and away.cure


def test_everything_from_outside_is_known():
    assert set(OUTSIDE) <= set(NEEDS)


def sqlite_error(code, kind=sqlite3.OperationalError):
    error = kind("as SQLite says it")
    error.sqlite_errorcode = code
    return error


OF_THE_DISK = [
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_READONLY_DBMOVED,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_NOMEM,
]


@pytest.mark.parametrize("code", OF_THE_DISK)
def test_what_sqlite_says_of_the_disk_is_outside(code):
    error = sqlite_error(code)
    assert lies_outside(error)
    with pytest.raises(sqlite3.OperationalError), blame_window():
        raise error


def test_a_statement_of_ours_that_is_wrong_is_no_disks_fault(tmp_path):
    database = sqlite3.connect(tmp_path / "one.db", isolation_level=None)
    for work in (lambda: database.execute("SELECT nothing FROM nowhere"), lambda: database.execute("no SQL")):
        with pytest.raises(sqlite3.OperationalError) as raised:
            work()
        assert not lies_outside(raised.value)
        with pytest.raises(WindowFault), blame_window():
            work()
        with pytest.raises(sqlite3.OperationalError), transaction(database):
            work()
        assert not database.in_transaction
    database.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])
def test_a_damaged_database_is_the_operators_and_no_windows_fault(code):
    with pytest.raises(DamagedDatabaseError), blame_window():
        raise sqlite_error(code, sqlite3.DatabaseError)


def foreign_file(*_facts):
    """Somebody else's forward, which opens a file that is not there."""
    Path("/nonexistent/lut.bin").read_bytes()


def foreign_socket(*_facts):
    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def foreign_words(*_facts):
    raise OSError("image file is truncated")


@pytest.mark.parametrize("work", [foreign_file, foreign_socket, foreign_words])
def test_what_somebody_elses_code_opens_in_vain_is_no_disks_fault(work):
    with pytest.raises(WindowFault) as raised, blame_window():
        work()
    assert isinstance(raised.value.__cause__, OSError)
    assert f"test_faults:{work.__name__}" in raised.value.signature or "pathlib" in raised.value.signature


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENOMEM])
def test_what_the_disk_says_is_the_disks_whoever_asked(number):
    with pytest.raises(OSError) as raised, blame_window():
        raise OSError(number, os.strerror(number))
    assert raised.value.errno == number


@pytest.mark.parametrize("error", [DiskError(errno.EACCES, "no", Path("x")), StateUnavailableError("locked")])
def test_typed_errors_of_the_disk_are_waited_for(error):
    with pytest.raises(type(error)), blame_window():
        raise error


def test_our_own_access_to_files_is_waited_for(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), blame_window():
        sync_folder(tmp_path / "file")


@pytest.mark.parametrize("work", [lambda: tempfile.mkdtemp(dir="/nonexistent"), lambda: Path("/nonexistent").stat()])
def test_the_standard_library_is_whose_it_was_called_by(work):
    with pytest.raises(WindowFault), blame_window():
        work()
