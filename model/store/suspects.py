"""Which stored training samples are likeliest to carry a wrong label: those with the lowest mean margin.

The area under the margin ranking (AUM, Pleiss 2020), over all times that a sample was trained on, fresh or replayed.
"""

import sqlite3
from dataclasses import dataclass

from model.store.facts import SampleName

STORED = "role = 'train' AND slot IS NOT NULL"
"""Samples that replay draws from."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sample's place in the ranking."""

    sample: int
    score: float
    """Mean margin, in logits; below 0: in the mean, the model held another class for more likely than the label."""
    observations: int
    """How often it was trained on under its label."""
    predicted: str | None
    """What the model took it for, the last time."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A sample that is likely to carry a wrong label."""

    name: SampleName
    ranked: Ranked


def rank(database: sqlite3.Connection, limit: int) -> list[Ranked]:
    """Return up to `limit` training samples whose score is below 0, the lowest first. Goes through all margins."""
    query = (
        "SELECT sample, total / count AS score, count, (SELECT name FROM labels WHERE class = said)"  # noqa: S608
        f" FROM margins JOIN samples USING (sample) WHERE {STORED} AND total < 0 ORDER BY score, sample LIMIT ?"
    )
    return [Ranked(*row) for row in database.execute(query, (limit,))]


def observed(database: sqlite3.Connection) -> int:
    """Return how many stored training samples have a score."""
    query = f"SELECT count(*) FROM margins JOIN samples USING (sample) WHERE {STORED}"  # noqa: S608 - our own words
    return int(database.execute(query).fetchone()[0])


def stored(database: sqlite3.Connection, column: str) -> dict[str, int]:
    """Return how many training samples are stored by `name` (of their label) or by who sent that, in SQL."""
    query = f"SELECT {column}, count(*) FROM samples JOIN labels USING (label) WHERE {STORED} GROUP BY 1"  # noqa: S608
    return dict(database.execute(query).fetchall())
