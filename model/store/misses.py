"""The champion's errors on each window before it was learnt, in claim order: what drift detectors are rebuilt from."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.store.facts import Claim, Commit

ERA_ROUNDS = 200
"""Rounds whose errors are kept together. Detectors begin anew with each era, so that rebuilding them is bounded."""


@dataclass(frozen=True, slots=True)
class Misses:
    """One window's answers, on classes that the champion knew."""

    round: int
    known: int
    """Classes that it knew."""
    labels: NDArray[np.int64]
    """[n], in claim order."""
    wrong: NDArray[np.bool_]
    """[n]."""


def note_misses(database: sqlite3.Connection, claim: Claim, commit: Commit) -> None:
    """Write down the errors of a committed window, in the transaction of its commit and before roles change there.

    A window that is retried was noted when it came.
    """
    if commit.said is None or claim.retried is not None or claim.parent is None:
        return
    query = (
        "SELECT class FROM samples JOIN labels USING (label) WHERE sample > ? AND sample <= ?"
        " AND role IN ('train', 'holdout') ORDER BY sample"
    )
    rows = database.execute(query, (claim.high_water, claim.last_sample)).fetchall()
    labels = np.array([row[0] for row in rows], np.int64)
    known = database.execute(
        "SELECT classes FROM versions JOIN rounds USING (round) WHERE version = ?", (claim.parent,)
    ).fetchone()[0]
    answers = (2 * labels + (commit.said != labels))[labels < known]
    if len(answers):
        values = (claim.round, known, answers.astype("<i4").tobytes())
        database.execute("INSERT INTO misses VALUES (?, ?, ?)", values)
    database.execute("DELETE FROM misses WHERE round < ?", (claim.round // ERA_ROUNDS * ERA_ROUNDS,))


def misses_after(database: sqlite3.Connection, round_number: int) -> Iterator[Misses]:
    """Iterate over the kept errors of the rounds after `round_number`, oldest first."""
    rows = database.execute("SELECT * FROM misses WHERE round > ? ORDER BY round", (round_number,)).fetchall()
    for number, known, blob in rows:
        answers = np.frombuffer(blob, "<i4").astype(np.int64)
        yield Misses(number, known, answers // 2, answers % 2 == 1)


def write_drift(database: sqlite3.Connection, round_number: int, classes: Sequence[str]) -> None:
    """Keep the newest alarm, inside the caller's transaction."""
    told = json.dumps({"round": round_number, "classes": list(classes)})
    database.execute("INSERT OR REPLACE INTO meta VALUES ('drift', ?)", (told,))
