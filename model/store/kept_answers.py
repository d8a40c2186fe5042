"""What champion and reference answered on the holdout, so that judging costs the same after a year."""

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
        said = dict(zip(self.samples.tolist(), self.predicted.tolist(), strict=True))
        known = np.array([key in said for key in samples.tolist()], np.bool_)
        return known, np.array([said[key] for key in samples[known].tolist()], np.int64)


def write_answers(database: sqlite3.Connection, version: int, kept: KeptAnswers, *, reference: bool) -> None:
    """Keep a new version's answers, and make it the reference if it is; forget all but its own and the reference's."""
    database.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
        (version, kept.samples.astype("<i8").tobytes(), kept.predicted.astype("<i8").tobytes(), kept.classes),
    )
    if reference:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('reference', ?)", (str(version),))
    database.execute(
        "DELETE FROM answers WHERE version NOT IN (?, coalesce(?, 0))", (version, reference_version(database))
    )


def read_answers(database: sqlite3.Connection, version: int) -> KeptAnswers | None:
    """Return a version's answers, if they are kept."""
    row = database.execute("SELECT samples, predicted, classes FROM answers WHERE version = ?", (version,)).fetchone()
    return KeptAnswers(np.frombuffer(row[0], "<i8"), np.frombuffer(row[1], "<i8"), row[2]) if row else None


def reference_version(database: sqlite3.Connection) -> int | None:
    """Return the version that candidates are held against, beside the champion; None before there is one."""
    row = database.execute("SELECT value FROM meta WHERE key = 'reference'").fetchone()
    return int(row[0]) if row else None
