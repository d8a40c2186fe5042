"""What the last versions and the reference answered on the holdout, so that judging costs the same after a year."""

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEPT = 8
"""Versions whose answers are kept, beside the reference's."""


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """A version's answers on held-out samples."""

    samples: NDArray[np.int64]
    """[n], keys of the samples."""
    predicted: NDArray[np.int64]
    """[n], indexes of classes."""
    classes: int
    """Classes that the version knows."""

    def of(self, samples: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return which of the samples were answered, and the answers to those."""
        if not len(self.samples):
            return np.zeros(len(samples), np.bool_), np.empty(0, np.int64)
        order = np.argsort(self.samples)
        places = order[np.searchsorted(self.samples, samples, sorter=order).clip(max=len(order) - 1)]
        known: NDArray[np.bool_] = self.samples[places] == samples
        return known, self.predicted[places[known]]


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
        (version - KEPT, reference_version(database)),
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
    return [row[0] for row in database.execute(query, (version, KEPT - 1))]


def reference_version(database: sqlite3.Connection) -> int | None:
    """Return the version that candidates are held against, beside the champion; None before there is one."""
    row = database.execute("SELECT value FROM meta WHERE key = 'reference'").fetchone()
    return int(row[0]) if row else None
