"""What the last versions and the reference answered on the holdout, so that judging costs the same after a year."""

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PREDECESSORS = 7
"""Versions before the newest whose answers are kept, beside the reference's."""
UNASKED = -1
"""In place of an answer."""


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """A version's answers on held-out samples."""

    samples: NDArray[np.int64]
    """[n], keys of the samples."""
    predicted: NDArray[np.int64]
    """[n], indexes of classes."""
    classes: int
    """Classes that the version knows."""

    def of(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [n], the answers to the samples; UNASKED where there is none."""
        if not len(self.samples):
            return np.full(len(samples), UNASKED)
        order = np.argsort(self.samples)
        places = order[np.searchsorted(self.samples, samples, sorter=order).clip(max=len(order) - 1)]
        return np.where(self.samples[places] == samples, self.predicted[places], UNASKED)


def write_answers(database: sqlite3.Connection, version: int, kept: KeptAnswers, *, reference: bool) -> None:
    """Keep a new version's answers, and make it the reference if it is. Those of versions long past are forgotten."""
    database.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
        (version, kept.samples.astype("<i8").tobytes(), kept.predicted.astype("<i8").tobytes(), kept.classes),
    )
    if reference:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('reference', ?)", (str(version),))
    database.execute(
        "DELETE FROM answers WHERE version <= ? AND version <> coalesce(?, 0)",
        (version - PREDECESSORS - 1, reference_version(database)),
    )


def read_answers(database: sqlite3.Connection, version: int) -> KeptAnswers | None:
    """Return a version's answers, if they are kept."""
    row = database.execute("SELECT samples, predicted, classes FROM answers WHERE version = ?", (version,)).fetchone()
    return KeptAnswers(np.frombuffer(row[0], "<i8"), np.frombuffer(row[1], "<i8"), row[2]) if row else None


def predecessors(database: sqlite3.Connection, version: int) -> list[int]:
    """Return the versions that `version` came from, newest first, as far as answers of the last versions are kept."""
    query = (
        "WITH RECURSIVE line (version, parent, steps) AS (SELECT version, parent, 0 FROM versions WHERE version = ?1"
        " UNION ALL SELECT versions.version, versions.parent, steps + 1 FROM line JOIN versions"
        " ON versions.version = line.parent WHERE steps < ?2) SELECT version FROM line WHERE steps > 0 ORDER BY steps"
    )
    return [row[0] for row in database.execute(query, (version, PREDECESSORS))]


def reference_version(database: sqlite3.Connection) -> int | None:
    """Return the version that candidates are held against, beside the champion; None before there is one."""
    row = database.execute("SELECT value FROM meta WHERE key = 'reference'").fetchone()
    return int(row[0]) if row else None
