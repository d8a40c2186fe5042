import sqlite3
from pathlib import Path

import pytest

from model.store import StateUnavailableError
from model.store.database import connect, create_or_check, transaction


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    database = connect(tmp_path)
    create_or_check(database, tmp_path, 4, 0)
    return database


@pytest.mark.parametrize(
    ("raised", "expected"), [(sqlite3.OperationalError, StateUnavailableError), (KeyboardInterrupt, KeyboardInterrupt)]
)
def test_a_transaction_is_all_or_nothing(database: sqlite3.Connection, raised: type, expected: type):
    with pytest.raises(expected), transaction(database):
        database.execute("INSERT INTO meta VALUES ('half', 'done')")
        raise raised("disk I/O error")
    assert not database.in_transaction
    assert database.execute("SELECT count(*) FROM meta WHERE key = 'half'").fetchone() == (0,)
    with transaction(database):
        database.execute("INSERT INTO meta VALUES ('whole', 'done')")
    assert database.execute("SELECT count(*) FROM meta WHERE key = 'whole'").fetchone() == (1,)


def test_a_database_that_is_busy_or_read_only_is_an_os_error(database: sqlite3.Connection):
    database.execute("PRAGMA query_only = ON")
    with pytest.raises(OSError, match="cannot be written"), transaction(database):
        database.execute("INSERT INTO meta VALUES ('a', 'b')")


def test_commits_reach_the_disk_before_they_return(database: sqlite3.Connection):
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_the_schema_itself_refuses_a_second_open_round_and_a_second_row_of_a_picture(database: sqlite3.Connection):
    claim = (
        "INSERT INTO rounds (seed, high_water, last_sample, classes, holdout_share, claimed_at) VALUES (1,0,0,0,0,0)"
    )
    database.execute(claim)
    with pytest.raises(sqlite3.IntegrityError, match="rounds_open"):
        database.execute(claim)
    database.execute("INSERT INTO logs VALUES (1, 'images', 'id', 0, 0, NULL)")
    database.execute("INSERT INTO labels VALUES (1, 'cat', NULL, NULL)")
    database.execute("INSERT INTO segments VALUES (1, 'ab', 2, 2)")
    row = "INSERT INTO samples VALUES (NULL, 1, 1, ?, 'id', 1, '', 0, zeroblob(16), ?, NULL, NULL, 1, ?)"
    database.execute(row, (0, "train", 0))
    with pytest.raises(sqlite3.IntegrityError, match=r"samples\.digest"):
        database.execute(row, (1, "holdout", 1))
