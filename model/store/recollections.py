"""What the model answered to a sample when it was learnt: kept where samples are evicted, to be held on to in replay.

Written in the commit of the sample's round, gone with the sample. A few bytes beside its pixels: two for each class.
"""

import json
import sqlite3
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.store.facts import Recollected, Role

STORED = "<f2"
"""Logits differ by far more than this type rounds; its range is their limit."""
LIMIT = 60_000.0


def recollected(database: sqlite3.Connection, samples: NDArray[np.int64], classes_n: int) -> Recollected | None:
    """Return what was answered to `samples`, in their order; None while the store has forgotten nothing."""
    forgotten = forgotten_share(database)
    if not forgotten:
        return None
    logits = np.full((len(samples), classes_n), np.nan, np.float32)
    query = (
        "SELECT wanted.key, logits FROM json_each(?) AS wanted"
        " CROSS JOIN recollections ON recollections.sample = wanted.value"
    )
    for row, stored in database.execute(query, (json.dumps(samples.tolist()),)):
        known = np.frombuffer(stored, STORED)[:classes_n]
        logits[row, : len(known)] = known
    return Recollected(logits, forgotten)


def forgotten_share(database: sqlite3.Connection) -> float:
    """Return the share of the training samples evicted among these and those stored; 0 before the first eviction.

    What was set aside, dropped or retired was not evicted.
    """
    query = "SELECT coalesce(sum(evicted), 0), coalesce(sum(count), 0) FROM tallies WHERE role = ?"
    evicted, count = database.execute(query, (Role.TRAIN,)).fetchone()
    return float(evicted / (evicted + count)) if evicted else 0.0


def forgotten_by_class(database: sqlite3.Connection, classes_n: int) -> NDArray[np.float64]:
    """Return [classes_n], the same of each class."""
    shares = np.zeros(classes_n)
    query = (
        "SELECT class, 1.0 * evicted / (evicted + count) FROM tallies JOIN labels USING (label)"
        " WHERE role = ? AND evicted > 0 AND class < ?"
    )
    for index, share in database.execute(query, (Role.TRAIN, classes_n)):
        shares[index] = share
    return shares


def keep(database: sqlite3.Connection, samples: NDArray[np.int64], logits: NDArray[np.float32]) -> None:
    """Write what was answered to the samples of a round, in the transaction of its commit."""
    stored = np.clip(logits, -LIMIT, LIMIT).astype(STORED)
    rows = [(sample, row.tobytes()) for sample, row in zip(samples.tolist(), stored, strict=True)]
    database.executemany("INSERT OR REPLACE INTO recollections VALUES (?, ?)", rows)


def forget_answers(database: sqlite3.Connection, samples: Iterable[int]) -> None:
    """Drop what was answered to samples that are set aside or get another label, and how they fared."""
    keys = [(sample,) for sample in samples]
    for table in ("recollections", "margins"):
        database.executemany(f"DELETE FROM {table} WHERE sample = ?", keys)  # noqa: S608 - our own words


def drop_all(database: sqlite3.Connection) -> None:
    """Forget all that was answered: a challenger that has become champion is not to be led back to who it beat."""
    database.execute("DELETE FROM recollections")
