"""Draws from the store: replay for training, and the evaluation set for judging. Lookups by slot, never a scan."""

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.store.eviction import evaluation_cap
from model.store.facts import Role


def class_counts(database: sqlite3.Connection, role: Role, classes: int) -> NDArray[np.int64]:
    """Return [classes], the accepted samples of each class in a role."""
    counts = np.zeros(classes, np.int64)
    query = "SELECT class, count FROM tallies JOIN labels USING (label) WHERE role = ? AND class < ?"
    for index, count in database.execute(query, (role, classes)):
        counts[index] = count
    return counts


def class_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each class in a draw: a sample's chance goes with n_c^-0.5, so its class's with n_c^0.5."""
    roots = np.sqrt(counts.astype(np.float64))
    total = float(roots.sum())
    shares: NDArray[np.float64] = roots / total if total else roots
    return shares


def apportion(shares: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return how many of `n` each class gets: its expectation, rounded down or up by one common throw."""
    cumulative = np.cumsum(shares)
    edges = np.minimum(np.floor(cumulative / cumulative[-1] * n + rng.random()), n)
    numbers: NDArray[np.int64] = np.diff(edges, prepend=0).astype(np.int64)
    return numbers


def draw_slots(counts: NDArray[np.int64], n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw `n` (class, slot) pairs in random order. Inside a class none comes again before all have come."""
    drawn: list[tuple[int, int]] = []
    if not counts.any():
        return drawn
    for index, wanted in enumerate(apportion(class_shares(counts), n, rng)):
        left, count = int(wanted), int(counts[index])
        while left > 0:
            some = min(left, count)
            drawn.extend((index, int(slot)) for slot in rng.choice(count, some, replace=False))
            left -= some
    return [drawn[position] for position in rng.permutation(len(drawn))]


def samples_at(database: sqlite3.Connection, role: Role, drawn: Sequence[tuple[int, int]]) -> list[int]:
    """Return the samples in (class, slot) pairs."""
    labels = dict(database.execute("SELECT class, label FROM labels WHERE class IS NOT NULL").fetchall())
    query = "SELECT sample FROM samples WHERE label = ? AND role = ? AND slot = ?"
    return [database.execute(query, (labels[index], role, slot)).fetchone()[0] for index, slot in drawn]


def evaluation_slots(counts: NDArray[np.int64], limit: int) -> list[tuple[int, int]]:
    """Return the (class, slot) pairs that judging uses: the first slots of each class, evened out to `limit`."""
    caps = evaluation_cap({index: int(count) for index, count in enumerate(counts) if count}, limit)
    return [(index, slot) for index, cap in sorted(caps.items()) for slot in range(cap)]


def newest_held_out(database: sqlite3.Connection, limit: int, without: Sequence[int]) -> list[int]:
    """Return the newest accepted held-out samples, oldest first, those of some classes left out."""
    query = (
        "SELECT sample, class FROM samples JOIN labels USING (label)"
        " WHERE role = 'holdout' AND slot IS NOT NULL ORDER BY sample DESC LIMIT ?"
    )
    rows = database.execute(query, (limit,)).fetchall()
    return [sample for sample, index in reversed(rows) if index not in without]
