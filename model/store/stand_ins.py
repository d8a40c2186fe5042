"""For how many samples a stored one stands: itself, and those evicted because they were like it. And what it is like.

Thumbnails are kept from the first time that a sample is compared, so that it is not read again whenever others leave.
"""

import json
import sqlite3
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.store.batches import read_batch
from model.store.condensing import thumbnails
from model.store.facts import Role
from model.store.segments import Segments

READ_AT_ONCE = 8 * 1024**2
"""Bytes of pixels in memory at a time."""


class StandIns(NamedTuple):
    """Samples to be compared."""

    samples: NDArray[np.int64]
    """[n], keys."""
    masses: NDArray[np.int64]
    """[n], for how many each stands."""
    thumbnails: NDArray[np.uint8]
    """[n, fields and channels]."""
    known: NDArray[np.bool_]
    """[n], whether a thumbnail was kept already."""


def masses_in(database: sqlite3.Connection, label: int, role: Role, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return [n], for how many the samples in a label's slots stand; 1 where one stands for itself alone."""
    query = (
        "SELECT coalesce(mass, 1) FROM json_each(?) AS wanted CROSS JOIN samples"
        " ON label = ? AND role = ? AND slot = wanted.value LEFT JOIN stand_ins USING (sample) ORDER BY wanted.key"
    )
    rows = database.execute(query, (json.dumps(slots.tolist()), label, role)).fetchall()
    return np.array([row[0] for row in rows], np.int64)


def read(database: sqlite3.Connection, segments: Segments, samples: NDArray[np.int64]) -> StandIns:
    """Return the samples with masses and thumbnails, from their pixels where none was kept.

    Only a few pictures are in memory at a time. Raises MissingFileError, OSError.
    """
    counts, known = np.ones(len(samples), np.int64), np.zeros(len(samples), np.bool_)
    found: dict[int, NDArray[np.uint8]] = {}
    query = (
        "SELECT wanted.key, mass, thumbnail FROM json_each(?) AS wanted"
        " CROSS JOIN stand_ins ON stand_ins.sample = wanted.value ORDER BY wanted.key"
    )
    for row, mass, thumbnail in database.execute(query, (json.dumps(samples.tolist()),)).fetchall():
        counts[row], known[row] = mass, True
        found[row] = np.frombuffer(thumbnail, np.uint8)
    new = np.flatnonzero(~known)
    at_once = max(1, READ_AT_ONCE // segments.row_bytes)
    for start in range(0, len(new), at_once):
        some = new[start : start + at_once]
        pixels = read_batch(database, segments, samples[some].tolist()).pixels_NHWC
        found.update(zip(some.tolist(), thumbnails(pixels), strict=True))
    return StandIns(samples, counts, np.stack([found[row] for row in range(len(samples))]), known)


def keep(database: sqlite3.Connection, compared: StandIns, masses: NDArray[np.int64]) -> None:
    """Write for how many each stands now, and what it is like; `masses`: [n], 0 for those that are gone."""
    changed = np.flatnonzero((masses > 0) & ((masses != compared.masses) | ~compared.known))
    rows = [(int(compared.samples[row]), int(masses[row]), compared.thumbnails[row].tobytes()) for row in changed]
    database.executemany("INSERT OR REPLACE INTO stand_ins VALUES (?, ?, ?)", rows)


def any_kept(database: sqlite3.Connection) -> bool:
    """Tell whether any sample may stand for others."""
    return database.execute("SELECT 1 FROM stand_ins LIMIT 1").fetchone() is not None
