"""Class indexes move when a class leaves the middle of the head, or comes back there: whatever holds one follows.

All of it inside the caller's transaction, in which `labels` gets the new indexes as well.
"""

import json
import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.store import budgets
from model.store.recollections import STORED

SCREENED_MAX = 10_000
"""Newest rounds whose screenings are kept; the screen asks the last ten that count."""

Places = Sequence[int | None]
"""[old classes], the new index of each; None: it is no class any more. Two may have become one."""


def renumber(database: sqlite3.Connection, places: Places) -> None:
    """Let all that was noted under old indexes hold new ones. Drift detectors begin anew, for errors change at once."""
    _renumber_said(database, places)
    _renumber_logits(database, places)
    _renumber_budget(database, places)
    _renumber_answers(database, places)
    _renumber_screened(database, places)
    database.execute("DELETE FROM misses")


def without(database: sqlite3.Connection, index: int) -> None:
    """Let past rounds and versions know one class less, where they knew it."""
    database.execute("UPDATE rounds SET classes = classes - 1 WHERE classes > ?", (index,))


def places_of(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """Return where each old class stands among the new ones."""
    known = {name: index for index, name in enumerate(new)}
    return [known.get(name) for name in old]


def _renumber_said(database: sqlite3.Connection, places: Places) -> None:
    def placed(old: int) -> int | None:
        return places[old] if old < len(places) else None

    first = next((index for index, place in enumerate(places) if place != index), len(places))
    database.create_function("placed", 1, placed, deterministic=True)
    for table in ("margins", "aside"):
        database.execute(f"UPDATE {table} SET said = placed(said) WHERE said >= ?", (first,))  # noqa: S608 - our own words


def _renumber_logits(database: sqlite3.Connection, places: Places) -> None:
    def renumbered(stored: bytes) -> bytes:
        old = np.frombuffer(stored, STORED)
        here = places[: len(old)]
        new = np.full(_count(here), np.nan, np.float32)
        for place, logit in zip(here, old.astype(np.float32), strict=True):
            if place is not None:
                new[place] = logit if np.isnan(new[place]) else np.logaddexp(new[place], logit)
        return new.astype(STORED).tobytes()

    database.create_function("renumbered", 1, renumbered, deterministic=True)
    database.execute("UPDATE recollections SET logits = renumbered(logits)")


def _renumber_budget(database: sqlite3.Connection, places: Places) -> None:
    if budget := budgets.read(database):
        saved, error, errors = budget
        here = places[: len(errors)]
        moved = [[one for one, place in zip(errors, here, strict=False) if place == new] for new in range(_count(here))]
        budgets.write(database, (saved, error, tuple(max(some, default=error) for some in moved)))


def _renumber_answers(database: sqlite3.Connection, places: Places) -> None:
    """Move the answers of earlier versions; the champion's go: without a class its network answers another."""
    champion = "SELECT version FROM champions ORDER BY move DESC LIMIT 1"
    database.execute(f"DELETE FROM answers WHERE version = ({champion})")  # noqa: S608 - a constant
    table = np.array([-1 if place is None else place for place in places], np.int64)
    query = "SELECT version, samples, predicted, classes FROM answers"
    for version, samples, predicted, classes in database.execute(query).fetchall():
        new = _looked_up(table, np.frombuffer(predicted, "<i8"))
        keys = np.frombuffer(samples, "<i8")[new >= 0]
        known = len({place for place in places[:classes] if place is not None})
        database.execute(
            "UPDATE answers SET samples = ?, predicted = ?, classes = ? WHERE version = ?",
            (keys.astype("<i8").tobytes(), new[new >= 0].astype("<i8").tobytes(), max(1, known), version),
        )


def _looked_up(table: NDArray[np.int64], old: NDArray[np.int64]) -> NDArray[np.int64]:
    inside = (old >= 0) & (old < len(table))
    return np.where(inside, table[old.clip(0, len(table) - 1)], -1)


def _renumber_screened(database: sqlite3.Connection, places: Places) -> None:
    newest = "SELECT round FROM rounds WHERE screened IS NOT NULL ORDER BY round DESC LIMIT ?"
    rows = database.execute(f"SELECT round, screened FROM rounds WHERE round IN ({newest})", (SCREENED_MAX,)).fetchall()  # noqa: S608 - a constant
    oldest = min((number for number, _ in rows), default=0)
    database.execute("UPDATE rounds SET screened = NULL WHERE round < ? AND screened IS NOT NULL", (oldest,))
    for number, text in rows:
        sums: dict[int, list[int]] = {}
        for index, (n, right) in json.loads(text).items():
            place = places[int(index)] if int(index) < len(places) else None
            if place is not None:
                before = sums.get(place, [0, 0])
                sums[place] = [before[0] + n, before[1] + right]
        told = json.dumps(sums) if sums else None
        database.execute("UPDATE rounds SET screened = ? WHERE round = ?", (told, number))


def _count(places: Places) -> int:
    return max((place + 1 for place in places if place is not None), default=0)
