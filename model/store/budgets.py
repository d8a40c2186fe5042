"""What accepted rounds have left for replay, as `model.learning.budget` counts it. Inside the caller's transaction."""

import json
import sqlite3

Budget = tuple[float, float, tuple[float, ...]]
"""Samples saved, mean error in all, and errors by class."""


def read(database: sqlite3.Connection) -> Budget | None:
    """Return what the last accepted round has left; None before the first."""
    row = database.execute("SELECT value FROM meta WHERE key = 'replay_budget'").fetchone()
    if row is None:
        return None
    saved, error, errors = json.loads(row[0])
    return float(saved), float(error), tuple(errors)


def write(database: sqlite3.Connection, budget: Budget) -> None:
    """Replace what is left."""
    database.execute("INSERT OR REPLACE INTO meta VALUES ('replay_budget', ?)", (json.dumps(budget),))
