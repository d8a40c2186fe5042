"""Slots: the accepted samples of a label and role are numbered 0 to count-1, so that any of them is one lookup.

That is what keeps replay and judging at the same cost whatever the store holds. Leaving fills the hole with the last.
All of it runs inside the caller's transaction.
"""

import json
import sqlite3
from collections.abc import Iterable

from model.store.facts import Role


def tally(database: sqlite3.Connection, label: int, role: Role) -> int:
    """Return how many samples a label has in a role."""
    row = database.execute("SELECT count FROM tallies WHERE label = ? AND role = ?", (label, role)).fetchone()
    return int(row[0]) if row else 0


def add_to_tally(database: sqlite3.Connection, label: int, role: Role, change: int) -> None:
    """Count samples in or out."""
    database.execute("INSERT OR IGNORE INTO tallies VALUES (?, ?, 0, 0)", (label, role))
    query = "UPDATE tallies SET count = count + ? WHERE label = ? AND role = ?"
    database.execute(query, (change, label, role))


def enter(
    database: sqlite3.Connection, label: int, role: Role, samples: Iterable[int], accepted: int | None = None
) -> None:
    """Give each sample, in order, the role and the label's next slot, and tally them.

    `accepted`: the round that took them in; None: the one that is being committed, else the last that counts, for to
    what a rollback has undone belongs nothing that comes in after it.
    """
    first = tally(database, label, role)
    last = "SELECT max(round) FROM rounds WHERE undone = 0"
    number = database.execute(last).fetchone()[0] if accepted is None else accepted
    rows = [(label, role, first + index, number, sample) for index, sample in enumerate(samples)]
    database.executemany("UPDATE samples SET label = ?, role = ?, slot = ?, accepted = ? WHERE sample = ?", rows)
    add_to_tally(database, label, role, len(rows))


def at(database: sqlite3.Connection, label: int, role: Role, slot: int) -> int:
    """Return the sample in a slot that is known to be taken."""
    query = "SELECT sample FROM samples WHERE label = ? AND role = ? AND slot = ?"
    return int(database.execute(query, (label, role, slot)).fetchone()[0])


def several(database: sqlite3.Connection, label: int, role: Role, wanted: Iterable[int]) -> dict[int, int]:
    """Return the samples in slots that are known to be taken, by slot."""
    query = (
        "SELECT slot, sample FROM json_each(?) AS wanted CROSS JOIN samples"
        " ON label = ? AND role = ? AND slot = wanted.value"
    )
    return dict(database.execute(query, (json.dumps(sorted(set(wanted))), label, role)))


def leave(database: sqlite3.Connection, label: int, role: Role, slots: Iterable[int]) -> list[int]:
    """Empty the slots, filling each with the last; return the samples that left. Their rows stay, without slot."""
    last = tally(database, label, role) - 1
    left: list[int] = []
    # From the highest down, the last slot is never one that has still to be emptied.
    for slot in sorted(slots, reverse=True):
        sample = at(database, label, role, slot)
        database.execute("UPDATE samples SET slot = NULL WHERE sample = ?", (sample,))
        if slot != last:
            mover = at(database, label, role, last)
            database.execute("UPDATE samples SET slot = ? WHERE sample = ?", (slot, mover))
        left.append(sample)
        last -= 1
    add_to_tally(database, label, role, -len(left))
    return left


def clear(database: sqlite3.Connection, label: int, role: Role, becomes: Role) -> list[int]:
    """Empty all of a label's slots in a role at once, however many; return the samples, which have another role now."""
    query = (
        "UPDATE samples SET slot = NULL, role = ? WHERE label = ? AND role = ? AND slot IS NOT NULL RETURNING sample"
    )
    left = sorted(row[0] for row in database.execute(query, (becomes, label, role)).fetchall())
    add_to_tally(database, label, role, -len(left))
    add_to_tally(database, label, becomes, len(left))
    return left


def delete(database: sqlite3.Connection, samples: Iterable[int]) -> None:
    """Delete rows that hold no slot, and count their segments' rows as dead."""
    for sample in samples:
        query = "DELETE FROM samples WHERE sample = ? RETURNING segment"
        ((segment,),) = database.execute(query, (sample,)).fetchall()
        database.execute("UPDATE segments SET live = live - 1 WHERE segment = ?", (segment,))
