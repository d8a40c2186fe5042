"""Brings a database of an older version of Tidemill up to the schema of this one.

`NNNN.sql` leads from schema NNNN-1 to NNNN. What it makes must be what `schema.sql` makes: a test compares them.
"""

import sqlite3
from collections.abc import Iterator
from importlib import resources

OLDEST = 5
"""The schema of 0.1.0. States of it open in every later version."""


def migrate(database: sqlite3.Connection, newest: int) -> None:
    """Bring the schema from what `PRAGMA user_version` says to `newest`, in one transaction: all of it or nothing.

    For the directory's owner alone. Raises sqlite3.Error when the disk refuses; nothing was changed then.
    """
    # Tables whose CHECKs change are made anew and renamed; with foreign keys on, that would delete what points to them.
    # The pragma does nothing inside a transaction. https://www.sqlite.org/lang_altertable.html#otheralter
    database.execute("PRAGMA foreign_keys = OFF")
    try:
        database.execute("BEGIN IMMEDIATE")
        _migrate(database, newest)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    finally:
        database.execute("PRAGMA foreign_keys = ON")


def _migrate(database: sqlite3.Connection, newest: int) -> None:
    oldest = int(database.execute("PRAGMA user_version").fetchone()[0])
    for version in range(oldest + 1, newest + 1):
        script = resources.files("model.store.migrations").joinpath(f"{version:04d}.sql").read_text(encoding="utf-8")
        for statement in statements(script):
            database.execute(statement)
    broken = database.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise sqlite3.IntegrityError(f"the schema's migration left rows that point nowhere: {broken[:3]}")
    database.execute(f"PRAGMA user_version = {newest}")


def statements(script: str) -> Iterator[str]:
    """Split a script, so that it can run within one transaction (executescript would commit)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
