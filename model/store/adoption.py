"""An older state is accepted: it gets a new name, and never a version number that others have given."""

import sqlite3
import uuid

from model.store.claims import is_challenge

HELD = "version {} was published by the life of this state that was given up"


def write_adoption(database: sqlite3.Connection, version_floor: int, now_ms: int) -> str:
    """Write it down, inside the caller's transaction; return the state's new name.

    By the new name buffer and repository know this life from the other, should that one wake up.
    """
    taken = "SELECT version, round FROM versions WHERE published_at IS NULL AND version <= ?"
    for version, number in database.execute(taken, (version_floor,)).fetchall():
        database.execute("DELETE FROM answers WHERE version = ?", (version,))
        database.execute("DELETE FROM meta WHERE key = 'reference' AND value = ?", (str(version),))
        database.execute("DELETE FROM versions WHERE version = ?", (version,))
        statement = "UPDATE rounds SET outcome = 'held', reason = ? WHERE round = ?"
        database.execute(statement, (HELD.format(version), number))
        if is_challenge(database, number):  # a challenger that is not champion has changed nothing
            champion = "SELECT state FROM champions JOIN versions USING (version) ORDER BY move DESC LIMIT 1"
            statement = f"UPDATE rounds SET verdict = '', result = ({champion}) WHERE round = ?"  # noqa: S608 - a constant
            database.execute(statement, (number,))
    last = database.execute("SELECT coalesce(max(round), 0) FROM rounds").fetchone()[0]
    database.execute(
        "INSERT INTO adoptions (version_floor, after_round, adopted_at) VALUES (?, ?, ?)", (version_floor, last, now_ms)
    )
    state_id = uuid.uuid4().hex
    database.execute("UPDATE meta SET value = ? WHERE key = 'state_id'", (state_id,))
    return state_id
