"""The book of relabels: stored pictures that came again under another label, who sent that, and what became of it.

A row goes with its sample. What is in force is a row that is `applied`; a rollback makes it `undone`, and back.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from model.store.facts import Claim, Relabel, RelabelOutcome, Role
from model.store.planning import Plan
from model.window import LogKey, Window

UNAPPLIED_MAX = 4
"""Rows of one picture that are not in force; beyond, the oldest go: who sends it again and again fills no disk."""
LOOKED = "relabels_looked"
"""Key in `meta`: the newest relabel when a person last said that all are seen."""
LAST = 2**63 - 1
"""Above every round."""
ASIDE = "state IN ('suspect', 'held')"
"""Waits: for its window's retry, or for a person."""
SENDER = (
    "coalesce((SELECT relabels.source FROM relabels WHERE relabels.sample = samples.sample"
    " AND state IN ('applied', 'overruled') ORDER BY relabel DESC LIMIT 1), samples.source)"
)
"""SQL: the producer that gave a row of `samples` the label that it has."""

WHY = {
    RelabelOutcome.SUSPECT: "with a window that was not learnt",
    RelabelOutcome.CONTRADICTED: "where the champion finds the old label likelier",
    RelabelOutcome.DISTRUSTED: "in bad company: the champion contradicts most of what came with them",
    RelabelOutcome.UNVOUCHED: "without a champion that knows both labels",
    RelabelOutcome.UNKNOWN_LABEL: "with a label that is no class",
    RelabelOutcome.LIMIT: "above the share that may be relabelled before a person looks",
    RelabelOutcome.REPEATED: "relabelled back and forth",
}

_COLUMNS = (
    "relabel, sample, role, old, new, relabels.source,"
    " (SELECT class FROM labels WHERE name = old), (SELECT class FROM labels WHERE name = new)"
)


@dataclass(frozen=True, slots=True)
class RelabelCount:
    """Relabels of one round that are alike."""

    round: int
    old: str
    new: str
    source: str
    state: str
    """`applied`, `suspect` (retried with its window), `held` (waits for a person), `dropped`, `undone`, …"""
    outcome: str
    """Why it was not applied at once; see `RelabelOutcome`."""
    pictures: int


def note(database: sqlite3.Connection, number: int, window: Window, plan: Plan, logs: Mapping[LogKey, int]) -> None:
    """Write what the window of the new claim relabels, in the claim's transaction and after its samples."""
    insert = (
        "INSERT INTO relabels (round, sample, old, new, log, offset, sample_id, source, state, outcome) VALUES"
        " (?1, ?2, coalesce(?3, (SELECT name FROM samples JOIN labels USING (label) WHERE sample = ?2)),"
        " ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    )

    def sender(index: int) -> tuple[object, ...]:
        arrival = window.arrivals[index]
        return (logs[arrival.log], arrival.offset, arrival.sample_id, arrival.source)

    # The plan's labels, not the records': a merged label means the one that it was merged into.
    pending = [
        (number, sample, None, label, *sender(plan.given[sample]), "pending", None)
        for sample, label in sorted(plan.relabels.items())
    ]
    (first,) = database.execute("SELECT high_water + 1 FROM rounds WHERE round = ?", (number,)).fetchone()
    stored = {row.index: (first + position, row.label) for position, row in enumerate(plan.rows)}
    overruled = [
        (number, stored[row][0], old, stored[row][1], *sender(last), "overruled", RelabelOutcome.APPLIED)
        for row, last, old in plan.overruled
    ]
    database.executemany(insert, [*pending, *overruled])


def of_claim(database: sqlite3.Connection, claim: Claim) -> list[Relabel]:
    """Return what the open claim relabels, in order; where it retries a parcel, what that one's window did."""
    where = ("suspect", claim.retried) if claim.retried is not None else ("pending", claim.round)
    return read(database, "state = ? AND relabels.round = ?", *where)


def waiting_of(database: sqlite3.Connection, number: int) -> list[Relabel]:
    """Return what a round's window relabelled and what is not decided."""
    return read(database, f"{ASIDE} AND relabels.round = ?", number)


def read(database: sqlite3.Connection, condition: str, *values: object) -> list[Relabel]:
    """Return the relabels for which a condition on the rows holds, in order."""
    query = f"SELECT {_COLUMNS} FROM relabels JOIN samples USING (sample) WHERE {condition} ORDER BY relabel"  # noqa: S608
    return [Relabel(row[0], row[1], Role(row[2]), *row[3:]) for row in database.execute(query, values).fetchall()]


def keep_aside(database: sqlite3.Connection, one: Relabel, state: str, outcome: RelabelOutcome) -> None:
    """Keep a relabel that is not applied: `suspect` or `held`. One that the same picture has already goes."""
    database.execute("UPDATE relabels SET state = ?, outcome = ? WHERE relabel = ?", (state, outcome, one.relabel))
    idle = "sample = ? AND state IN ('suspect', 'held', 'dropped')"
    database.execute(
        f"DELETE FROM relabels WHERE {idle} AND new = ? AND relabel < ?",  # noqa: S608 - our own words
        (one.sample, one.new, one.relabel),
    )
    newest = f"SELECT relabel FROM relabels WHERE {idle} ORDER BY relabel DESC LIMIT {UNAPPLIED_MAX}"  # noqa: S608
    database.execute(f"DELETE FROM relabels WHERE {idle} AND relabel NOT IN ({newest})", (one.sample, one.sample))  # noqa: S608


def hold_orphans(database: sqlite3.Connection) -> None:
    """Leave to a person what came with a window that is not retried any more."""
    database.execute(
        "UPDATE relabels SET state = 'held' WHERE state = 'suspect'"
        " AND round NOT IN (SELECT parcel FROM parcels WHERE role = 'suspect')"
    )


def drop(database: sqlite3.Connection, number: int) -> int:
    """Decide against what a round's window relabelled, for good; return how many."""
    return database.execute(f"UPDATE relabels SET state = 'dropped' WHERE {ASIDE} AND round = ?", (number,)).rowcount  # noqa: S608


def look(database: sqlite3.Connection) -> int:
    """Note that a person has seen all that was relabelled until now; return how many since the last look."""
    seen = since_look(database)
    newest = "CAST((SELECT coalesce(max(relabel), 0) FROM relabels) AS TEXT)"
    database.execute(
        f"INSERT INTO meta VALUES (?, {newest}) ON CONFLICT (key) DO UPDATE SET value = excluded.value",  # noqa: S608
        (LOOKED,),
    )
    return seen


def looked(database: sqlite3.Connection) -> int:
    """Return the newest relabel that a person has seen; 0 before the first look."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (LOOKED,)).fetchone()
    return int(row[0]) if row else 0


def since_look(database: sqlite3.Connection) -> int:
    """Return how many pictures were relabelled without a person since one looked."""
    query = "SELECT count(*) FROM relabels WHERE state = 'applied' AND by_hand = 0 AND relabel > ?"
    return int(database.execute(query, (looked(database),)).fetchone()[0])


def sender(database: sqlite3.Connection, sample: int) -> str:
    """Return the producer that gave a stored sample the label that it has."""
    return str(database.execute(f"SELECT {SENDER} FROM samples WHERE sample = ?", (sample,)).fetchone()[0])  # noqa: S608


def rounds_waiting(database: sqlite3.Connection) -> dict[int, int]:
    """Return how many relabels wait, by the round that took them in."""
    query = f"SELECT round, count(*) FROM relabels WHERE {ASIDE} GROUP BY round ORDER BY round"  # noqa: S608
    return dict(database.execute(query).fetchall())


@dataclass(frozen=True, slots=True)
class RelabelFacts:
    """A relabel as people see it: the picture, both labels, and the record that brought the new one."""

    sample: int
    old: str
    new: str
    outcome: str
    sample_id: str
    source: str
    topic: str | None
    partition: int | None
    offset: int | None
    """None, as topic and partition, where 0.1.0 took it in."""


def facts(database: sqlite3.Connection, number: int, limit: int) -> list[RelabelFacts]:
    """Return up to `limit` of the relabels that a round's window brought and that wait."""
    query = (
        "SELECT sample, old, new, outcome, sample_id, source, topic, partition, offset"  # noqa: S608 - our own words
        f" FROM relabels LEFT JOIN logs USING (log) WHERE {ASIDE} AND round = ? ORDER BY relabel LIMIT ?"
    )
    return [RelabelFacts(*row) for row in database.execute(query, (number, limit))]


def why_waiting(database: sqlite3.Connection, number: int) -> str:
    """Say why the relabels of a round wait."""
    query = f"SELECT outcome, count(*) FROM relabels WHERE {ASIDE} AND round = ? GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
    told = [f"{count} {WHY[RelabelOutcome(outcome)]}" for outcome, count in database.execute(query, (number,))]
    return "known pictures came under other labels: " + ", ".join(told)


class RelabelBook:
    """The book, read."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def of_claim(self, claim: Claim) -> list[Relabel]:
        """Return what the open claim relabels, in order; where it retries a parcel, what that one's window did."""
        return of_claim(self._database, claim)

    def waiting(self) -> dict[int, int]:
        """Return how many relabels wait, by the round that took them in."""
        return rounds_waiting(self._database)

    def since_look(self) -> int:
        """Return how many pictures were relabelled without a person since one looked."""
        return since_look(self._database)

    def at_limit(self) -> list[str]:
        """Return the producers of which relabels wait since the last look, for they had relabelled too much before."""
        query = (
            "SELECT DISTINCT source FROM relabels WHERE state = 'held' AND outcome = 'limit' AND relabel > ?"
            " ORDER BY source"
        )
        return [row[0] for row in self._database.execute(query, (looked(self._database),))]

    def counts(self, first: int = 0, last: int = LAST) -> list[RelabelCount]:
        """Return the relabels of the rounds first to last, those alike as one, without pictures new in their window."""
        query = (
            "SELECT round, old, new, source, state, outcome, count(*) FROM relabels"
            " WHERE state NOT IN ('pending', 'overruled') AND round BETWEEN ? AND ?"
            " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 7 DESC, 2, 3, 4, 5, 6"
        )
        return [RelabelCount(*row) for row in self._database.execute(query, (first, last))]

    def counts_of(self, number: int) -> list[RelabelCount]:
        """Return the relabels that a round took in, or retried, those alike as one, the most first."""
        row = self._database.execute(
            "SELECT coalesce(retried, round) FROM rounds WHERE round = ?", (number,)
        ).fetchone()
        return self.counts(*row, *row) if row else []

    def outcomes(self, number: int) -> dict[RelabelOutcome, int]:
        """Return what became of the relabels that a round took in, or retried, as its commit said it."""
        found: Counter[RelabelOutcome] = Counter()
        for one in self.counts_of(number):
            found[RelabelOutcome(one.outcome)] += one.pictures
        return dict(found)
