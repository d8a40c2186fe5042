"""Each failure from outside is counted by what is away."""

import sqlite3

import pytest

from daemon.learn.faults import OUTSIDE, WindowFault, blame_window, lies_outside, waiting_for
from daemon.learn.taker import BrokenChainError
from daemon.outage import Need
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
