"""Draws from the store: replay for training, and the evaluation set for judging. Lookups by slot, never a scan."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.store import slots, stand_ins
from model.store.eviction import evaluation_cap
from model.store.facts import Role

POOL = 8
"""Slots looked at for each that is drawn, where samples stand for others."""
POOL_MIN = 4_096
"""Slots looked at in all, at least: few would seldom hold one that stands for many."""

Masses = Callable[[int, NDArray[np.int64]], NDArray[np.int64]]
"""From a class and [n] slots of it to [n], for how many samples each stands."""


def class_counts(database: sqlite3.Connection, role: Role, classes: int) -> NDArray[np.int64]:
    """Return [classes], the accepted samples of each class in a role."""
    counts = np.zeros(classes, np.int64)
    query = "SELECT class, count FROM tallies JOIN labels USING (label) WHERE role = ? AND class < ?"
    for index, count in database.execute(query, (role, classes)):
        counts[index] = count
    return counts


def class_shares(counts: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the share of each class in a draw: a sample's chance goes with n_c^-0.5, so its class's with n_c^0.5.

    With `weights`, [classes], a sample's chance goes with that of its class as well.
    """
    roots = np.sqrt(counts.astype(np.float64)) * (1.0 if weights is None else weights)
    total = float(roots.sum())
    shares: NDArray[np.float64] = roots / total if total else roots
    return shares


def apportion(shares: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return how many of `n` each class gets: its expectation, rounded down or up by one common throw."""
    cumulative = np.cumsum(shares)
    edges = np.minimum(np.floor(cumulative / cumulative[-1] * n + rng.random()), n)
    numbers: NDArray[np.int64] = np.diff(edges, prepend=0).astype(np.int64)
    return numbers


def draw(
    database: sqlite3.Connection, classes: int, n: int, rng: np.random.Generator, weights: NDArray[np.float64] | None
) -> tuple[list[int], NDArray[np.float64]]:
    """Draw `n` accepted training samples of the first classes: see `draw_slots`. Return them and each class's share."""
    counts = class_counts(database, Role.TRAIN, classes)
    shares = class_shares(counts, weights)
    masses = _masses_at(database) if stand_ins.any_kept(database) else None
    return samples_at(database, Role.TRAIN, draw_slots(counts, shares, n, rng, masses)), shares


def draw_slots(
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
    masses: Masses | None = None,
) -> list[tuple[int, int]]:
    """Draw `n` (class, slot) pairs in random order. Inside a class none comes again before all have come.

    `counts` and `shares`, both [classes]: how many there are of each, and which part of the draw it gets.

    With `masses`, one that stands for many comes as often as these would, among the slots looked at: all of a class,
    or a random part of a large one.
    """
    drawn: list[tuple[int, int]] = []
    if not counts.any():
        return drawn
    numbers = apportion(shares, n, rng)
    least = POOL_MIN // max(1, int(np.count_nonzero(numbers)))
    for index, wanted in enumerate(numbers):
        if not wanted:
            continue
        if masses is None:
            chosen = _evenly(int(counts[index]), int(wanted), rng)
        else:
            pool = rng.choice(counts[index], min(int(counts[index]), max(least, POOL * int(wanted))), replace=False)
            chosen = _by_mass(pool, masses(index, pool), int(wanted), rng)
        drawn.extend((index, slot) for slot in chosen)
    return [drawn[position] for position in rng.permutation(len(drawn))]


def _evenly(count: int, wanted: int, rng: np.random.Generator) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < wanted:
        chosen += rng.choice(count, min(wanted - len(chosen), count), replace=False).tolist()
    return chosen


def _by_mass(pool: NDArray[np.int64], masses: NDArray[np.int64], wanted: int, rng: np.random.Generator) -> list[int]:
    chosen: list[int] = np.repeat(pool, apportion(masses / masses.sum(), wanted, rng)).tolist()
    return chosen


def _masses_at(database: sqlite3.Connection) -> Masses:
    labels = _labels(database)

    def masses(index: int, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return stand_ins.masses_in(database, labels[index], Role.TRAIN, places)

    return masses


def _labels(database: sqlite3.Connection) -> dict[int, int]:
    return dict(database.execute("SELECT class, label FROM labels WHERE class IS NOT NULL").fetchall())


def samples_at(database: sqlite3.Connection, role: Role, drawn: Sequence[tuple[int, int]]) -> list[int]:
    """Return the samples in (class, slot) pairs."""
    labels = _labels(database)
    wanted: dict[int, list[int]] = defaultdict(list)
    for index, slot in drawn:
        wanted[index].append(slot)
    found = {index: slots.several(database, labels[index], role, some) for index, some in wanted.items()}
    return [found[index][slot] for index, slot in drawn]


def evaluation_slots(counts: NDArray[np.int64], limit: int) -> list[tuple[int, int]]:
    """Return the (class, slot) pairs that judging uses: the first slots of each class, evened out to `limit`."""
    caps = evaluation_cap({index: int(count) for index, count in enumerate(counts) if count}, limit)
    return [(index, slot) for index, cap in sorted(caps.items()) for slot in range(cap)]


def held_out_classes(database: sqlite3.Connection, samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return [n], the classes of samples; -1 where one is not, or no longer, accepted and held out."""
    query = (
        "SELECT sample, class FROM json_each(?) AS wanted CROSS JOIN samples ON sample = wanted.value"
        " JOIN labels USING (label) WHERE role = 'holdout' AND slot IS NOT NULL AND class IS NOT NULL"
    )
    found = dict(database.execute(query, (json.dumps(samples.tolist()),)))
    return np.array([found.get(sample, -1) for sample in samples.tolist()], np.int64)


def newest_held_out(database: sqlite3.Connection, limit: int, without: Sequence[int]) -> list[int]:
    """Return the newest accepted held-out samples, oldest first, those of some classes left out."""
    query = (
        "SELECT sample, class FROM samples JOIN labels USING (label)"
        " WHERE role = 'holdout' AND slot IS NOT NULL ORDER BY sample DESC LIMIT ?"
    )
    rows = database.execute(query, (limit,)).fetchall()
    return [sample for sample, index in reversed(rows) if index not in without]
