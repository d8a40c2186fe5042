"""How the champion did on the windows that were accepted lately, class by class, before it learnt them."""

import json
import sqlite3

WINDOWS = 10
"""Windows that count as recent."""


def recent_screenings(database: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """Return (samples, right) by class over the recent windows since labels last changed their meaning."""
    changed = "SELECT max(round) FROM rounds WHERE change = 1 AND undone = 0"
    query = (
        f"SELECT screened FROM rounds WHERE round >= coalesce(({changed}), 0)"  # noqa: S608 - a constant
        " AND undone = 0 AND fate = 'accepted' AND screened IS NOT NULL AND (retried IS NULL OR change = 1)"
        " ORDER BY round DESC LIMIT ?"
    )
    sums: dict[int, tuple[int, int]] = {}
    for (text,) in database.execute(query, (WINDOWS,)):
        for index, (n, right) in json.loads(text).items():
            before = sums.get(int(index), (0, 0))
            sums[int(index)] = (before[0] + n, before[1] + right)
    return sums
