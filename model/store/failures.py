"""Counts what went wrong with the open claim. What counts does so inside the caller's transaction."""

import sqlite3
from typing import Literal

from model.store.database import transaction
from model.store.errors import OutOfTurnError
from model.store.lock import DirectoryLock


def count(database: sqlite3.Connection, column: Literal["attempt", "deaths"], round_number: int) -> int:
    """Count one more; return how many there are. Raises OutOfTurnError where the round is not open."""
    statement = f"UPDATE rounds SET {column} = {column} + 1 WHERE round = ? AND outcome IS NULL RETURNING {column}"  # noqa: S608
    rows = database.execute(statement, (round_number,)).fetchall()
    if not rows:
        raise OutOfTurnError(f"round {round_number} is not open")
    return int(rows[0][0])


def count_death(database: sqlite3.Connection, lock: DirectoryLock, round_number: int) -> int:
    """Count a death of the process, unless it had stopped, or waited, in order; return how many there are."""
    noted = "DELETE FROM meta WHERE key = 'stopped_in_round' AND value = ? RETURNING 1"
    forgiven = bool(database.execute(noted, (str(round_number),)).fetchall()) or lock.stopped_in == round_number
    if not forgiven:
        return count(database, "deaths", round_number)
    row = database.execute("SELECT deaths FROM rounds WHERE round = ?", (round_number,)).fetchone()
    return int(row[0]) if row else 0


def note_stop(database: sqlite3.Connection, lock: DirectoryLock, round_number: int) -> None:
    """Note that the process stops, or waits, in order: should it end now, that is no death. 0: it no longer does.

    In the lock's file, for there is room for it on a full disk, too; where its file system refuses that, in the
    database. Raises OSError.
    """
    try:
        lock.note_stop(round_number)
    except OSError:
        with transaction(database):
            database.execute("INSERT OR REPLACE INTO meta VALUES ('stopped_in_round', ?)", (str(round_number),))
