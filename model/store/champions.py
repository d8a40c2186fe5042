"""Where the champion pointer was moved. All of it inside the caller's transaction."""

import sqlite3


def move(database: sqlite3.Connection, version: int, cause: str, now_ms: int, *, settled: bool) -> None:
    """Note that `version` is champion from now on. `settled`: the repository's pointer names it already."""
    insert = (
        "INSERT INTO champions (version, moved_at, cause, after_round, settled_at)"
        " SELECT ?1, ?2, ?3, max(round), ?4 FROM rounds WHERE outcome IS NOT NULL"
    )
    database.execute(insert, (version, now_ms, cause, now_ms if settled else None))


def settle(database: sqlite3.Connection, now_ms: int) -> None:
    """Note that the repository's pointer names the champion."""
    database.execute("UPDATE champions SET settled_at = ? WHERE settled_at IS NULL", (now_ms,))


def publish(database: sqlite3.Connection, version: int, now_ms: int) -> bool:
    """Note that a version is whole in the repository, and champion; return False where that was noted before."""
    statement = "UPDATE versions SET published_at = ? WHERE version = ? AND published_at IS NULL RETURNING 1"
    if not database.execute(statement, (now_ms, version)).fetchall():
        return False
    move(database, version, "published", now_ms, settled=True)
    return True
