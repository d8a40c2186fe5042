"""What is kept of former versions, and what goes: the one place with the rule for weights and for artefacts.

Weights are kept of a few versions, ever further apart: what one can roll back to. Artefacts are kept of these, of the
newest versions, of the champion and its parent, and of those that were champion a short while ago. What is not kept is
*retired*: its row stays, its files go.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from model.store.database import transaction

NEWEST = 3
"""Versions, counted from the newest, that never make room for older ones."""
RETIRED_AT_ONCE = 16
"""Versions retired between two rounds at most: a repository of hundreds must not hold up learning."""


@dataclass(frozen=True, slots=True)
class KeepRules:
    """Which artefacts stay, beside those that one can roll back to, the champion and its parent."""

    newest: int = 20
    """The newest so many versions."""
    seconds: float = 900.0
    """Versions that were champion within the last so many seconds: somebody may just be pulling one."""


def spread(versions: Collection[int], limit: int) -> set[int]:
    """Return at most `limit` (from 1 on) of these versions: the newest three, the oldest, and what lies evenly between.

    Evenly on a scale on which each step back is a few times as far as the one before: with ten kept, one can return by
    1, 2, 3, 8, 31, 85, 458, … versions. Asked again at every version, it keeps most of what it kept before.
    """
    kept = sorted(versions, reverse=True)
    if limit <= NEWEST:
        return set(kept[:limit])
    newest = kept[0] if kept else 0
    while len(kept) > limit:
        # the one that is missed least: its neighbours in age lie closest together, as a ratio
        least = min(range(NEWEST, len(kept) - 1), key=lambda at: (newest - kept[at + 1]) / (newest - kept[at - 1]))
        del kept[least]
    return set(kept)


def keep_weights(database: sqlite3.Connection, result: str | None, versions: int) -> list[str]:
    """Name the weights that must stay: current, champion's, and those of `versions` versions that one may return to.

    Inside the caller's transaction. Return those no longer named.
    """
    newest = "version = (SELECT max(version) FROM versions)"
    query = (
        f"SELECT version, state FROM versions WHERE {newest}"  # noqa: S608 - a constant
        " OR (state IN (SELECT digest FROM weights) AND retired_at IS NULL)"
    )
    states: dict[int, str] = dict(database.execute(query).fetchall())
    champion = "SELECT state FROM champions JOIN versions USING (version) ORDER BY move DESC LIMIT 1"
    kept = {states[one] for one in spread(states, versions)} | {row[0] for row in database.execute(champion)}
    kept |= set() if result is None else {result}
    before = {row[0] for row in database.execute("SELECT digest FROM weights")}
    database.executemany("INSERT INTO weights VALUES (?)", [(digest,) for digest in sorted(kept - before)])
    dropped = sorted(before - kept)
    database.executemany("DELETE FROM weights WHERE digest = ?", [(digest,) for digest in dropped])
    return dropped


def restorable(database: sqlite3.Connection) -> list[int]:
    """Return the versions whose weights and artefacts are kept, ascending: what one can roll back to."""
    query = (
        "SELECT version FROM versions WHERE state IN (SELECT digest FROM weights) AND retired_at IS NULL"
        " ORDER BY version"
    )
    return [row[0] for row in database.execute(query)]


# Versions that are not retired are few; so are the moves of a short while, read from the newest backwards.
_LET_GO = """
SELECT version FROM versions WHERE retired_at IS NULL AND published_at IS NOT NULL
AND version NOT IN (SELECT version FROM versions ORDER BY version DESC LIMIT :newest)
AND state NOT IN (SELECT digest FROM weights)
AND version NOT IN (SELECT version FROM champions WHERE move >= coalesce(
    (SELECT move FROM champions WHERE moved_at <= :since ORDER BY move DESC LIMIT 1), 0))
AND version IS NOT (SELECT parent FROM champions JOIN versions USING (version) ORDER BY move DESC LIMIT 1)
ORDER BY version LIMIT :at_once
"""


class Retirements:
    """The versions whose files go. The database says so first; the repository follows, also after a crash."""

    def __init__(self, database: sqlite3.Connection, now_ms: Callable[[], int], reached: Callable[[str], None]) -> None:
        """`reached` is told `retirement.before`, `.inside` and `.after`, as by the state directory that owns it."""
        self._database = database
        self._now_ms = now_ms
        self._reached = reached

    def retire_due(self, rules: KeepRules) -> list[int]:
        """Retire what the rules let go, the oldest first, a bounded number; return which. Raises OSError."""
        since = self._now_ms() - round(rules.seconds * 1000)
        given = {"newest": rules.newest, "since": since, "at_once": RETIRED_AT_ONCE}
        due = [row[0] for row in self._database.execute(_LET_GO, given).fetchall()]
        self.retire(due)
        return due

    def retire(self, versions: Collection[int]) -> None:
        """Retire these versions, of which nobody needs the files any more, or that are gone. Raises OSError."""
        if not versions:
            return
        self._reached("retirement.before")
        with transaction(self._database):
            now = self._now_ms()
            self._database.executemany(
                "UPDATE versions SET retired_at = ? WHERE version = ? AND retired_at IS NULL",
                [(now, version) for version in versions],
            )
            self._reached("retirement.inside")
        self._reached("retirement.after")

    def ranges(self) -> list[tuple[int, int]]:
        """Return all retired versions as ranges [first, last], ascending. A scan: for the start."""
        query = (
            "SELECT min(version), max(version) FROM (SELECT version, version - row_number() OVER (ORDER BY version)"
            " AS island FROM versions WHERE retired_at IS NOT NULL) GROUP BY island ORDER BY 1"
        )
        return [(first, last) for first, last in self._database.execute(query)]

    def among(self, versions: Iterable[int]) -> dict[int, str]:
        """Return which of these are retired, with the sha256 of the artefact that each had."""
        query = "SELECT sha256 FROM versions WHERE version = ? AND retired_at IS NOT NULL"
        found = {version: self._database.execute(query, (version,)).fetchone() for version in versions}
        return {version: row[0] for version, row in found.items() if row is not None}
