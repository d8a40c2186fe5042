"""What leaves when the store is above its cap, in the transaction of the commit: of the largest classes, the alike."""

import sqlite3
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from model.store import slots, stand_ins
from model.store.condensing import condense
from model.store.facts import Claim, Role, StoreRules
from model.store.segments import Segments

ASIDE_SHARE = 0.1
"""Share of a full store that suspect, quarantined and waiting samples may take."""
HOLDOUT_SHARE = 0.2
"""Share of a full store up to which the evaluation set is left alone."""
POOL = 3
"""Training samples that are compared for each that goes."""
POOL_MIN = 16
AT_ONCE = 128
"""Samples that are compared with each other: time and memory go with the square."""


def water_level(counts: Mapping[int, int], excess: int) -> dict[int, int]:
    """Return how many to take from each key so that `excess` go and the largest are levelled, the smallest spared."""
    low, high = 0, max(counts.values(), default=0)
    while low < high:  # the highest level above which at least `excess` lie
        level = (low + high + 1) // 2
        if sum(max(0, count - level) for count in counts.values()) >= excess:
            low = level
        else:
            high = level - 1
    taken = {key: max(0, count - low) for key, count in counts.items()}
    spare = sum(taken.values()) - excess
    for key in sorted(taken):
        if spare > 0 and taken[key]:
            taken[key] -= 1
            spare -= 1
    return {key: count for key, count in taken.items() if count}


def evict(
    database: sqlite3.Connection, segments: Segments, claim: Claim, rules: StoreRules, rng: np.random.Generator
) -> int:
    """Delete samples until the store is within `bytes_max`; return how many. Inside the caller's transaction.

    Waiting samples above their own cap are dropped whether the store is full or not. Then set-aside samples above their
    share go first, oldest first; then held-out ones above theirs; then training ones.
    Raises MissingFileError, OSError.
    """
    _drop_waiting(database, rules.waiting_max)
    capacity = rules.bytes_max // segments.row_bytes
    stored = dict(database.execute("SELECT role, sum(count) FROM tallies GROUP BY role").fetchall())
    excess = sum(stored.values()) - capacity
    if excess <= 0:
        return 0
    held = stored.get(Role.HOLDOUT, 0)
    aside = sum(stored.values()) - held - stored.get(Role.TRAIN, 0)
    left = excess - _evict_aside(database, min(excess, aside - int(capacity * ASIDE_SHARE)))
    judged = min(rules.holdout_max, int(capacity * HOLDOUT_SHARE))
    spared = max(judged, int(capacity * rules.holdout_fraction))
    left -= _evict_holdout(database, min(left, held - spared), judged, rng)
    wanted = min(left, stored.get(Role.TRAIN, 0))
    left -= _evict_training(database, segments, claim, wanted, rules.condensed_max, rng)
    return excess - left


def _evict_aside(database: sqlite3.Connection, wanted: int) -> int:
    if wanted <= 0:
        return 0
    query = "SELECT sample, label, role FROM samples WHERE slot IS NULL ORDER BY sample LIMIT ?"
    return _drop(database, database.execute(query, (wanted,)).fetchall())


def _drop_waiting(database: sqlite3.Connection, limit: int) -> None:
    waiting = database.execute("SELECT coalesce(sum(count), 0) FROM tallies WHERE role = 'waiting'").fetchone()[0]
    if waiting > limit:
        query = (
            "SELECT sample, label, role FROM samples WHERE slot IS NULL AND role = 'waiting' ORDER BY sample LIMIT ?"
        )
        _drop(database, database.execute(query, (waiting - limit,)).fetchall())


def _drop(database: sqlite3.Connection, rows: list[tuple[int, int, str]]) -> int:
    """Delete (sample, label, role) rows that hold no slot, and what nothing names any more; return how many."""
    for _, label, role in rows:
        slots.add_to_tally(database, label, Role(role), -1)
    slots.delete(database, [row[0] for row in rows])
    _forget_labels(database, {row[1] for row in rows})
    if waiting := sum(role == Role.WAITING for _, _, role in rows):
        # Counted for good, so that `tidemill status` can say it: the next arrival would tell nobody.
        database.execute(
            "INSERT INTO meta VALUES ('waiting_dropped', ?1) ON CONFLICT (key) DO UPDATE"
            " SET value = CAST(CAST(value AS INTEGER) + CAST(?1 AS INTEGER) AS TEXT)",
            (str(waiting),),
        )
    return len(rows)


def _forget_labels(database: sqlite3.Connection, labels: set[int]) -> None:
    """Drop labels that are no class and of which nothing is stored any more: misspelt ones must not pile up."""
    query = (
        "SELECT 1 FROM labels WHERE label = ? AND class IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM samples WHERE samples.label = labels.label)"
    )
    for label in sorted(labels):
        if database.execute(query, (label,)).fetchone():
            database.execute("DELETE FROM tallies WHERE label = ?", (label,))
            database.execute("DELETE FROM labels WHERE label = ?", (label,))


def _evict_holdout(database: sqlite3.Connection, wanted: int, judged: int, rng: np.random.Generator) -> int:
    """Delete held-out samples of the largest classes, but the first slots of each, which are the evaluation set."""
    if wanted <= 0:
        return 0
    query = "SELECT class, label, count FROM tallies JOIN labels USING (label) WHERE role = 'holdout' AND count > 0"
    rows = database.execute(query).fetchall()
    labels = {index: label for index, label, _ in rows}
    counts = {index: count for index, _, count in rows}
    caps = evaluation_cap(counts, judged)
    for index, count in water_level(counts, wanted).items():
        kept_first = min(caps[index], counts[index] - count)
        victims = kept_first + rng.choice(counts[index] - kept_first, count, replace=False)
        slots.delete(database, slots.leave(database, labels[index], Role.HOLDOUT, victims.tolist()))
    return wanted


def evaluation_cap(counts: Mapping[int, int], limit: int) -> dict[int, int]:
    """Return how many held-out samples of each key judging uses: all, or evened out so that `limit` remain."""
    excess = sum(counts.values()) - limit
    taken = water_level(counts, excess) if excess > 0 else {}
    return {key: count - taken.get(key, 0) for key, count in counts.items()}


def _evict_training(
    database: sqlite3.Connection,
    segments: Segments,
    claim: Claim,
    wanted: int,
    condensed_max: int,
    rng: np.random.Generator,
) -> int:
    if wanted <= 0:
        return 0
    query = "SELECT label, count FROM tallies WHERE role = 'train' AND count > 0"
    counts: dict[int, int] = dict(database.execute(query).fetchall())
    for label, count in water_level(counts, wanted).items():
        # At most two thirds of those compared go, so that in each part there is one to stand for the others.
        by_chance = max(0, count * (wanted - condensed_max) // wanted, 3 * count - 2 * counts[label])
        victims = rng.choice(counts[label], by_chance, replace=False)
        slots.delete(database, slots.leave(database, label, Role.TRAIN, victims.tolist()))
        _condense(database, segments, claim, label, count - len(victims), rng)
        noted = "UPDATE tallies SET evicted = evicted + ? WHERE label = ? AND role = 'train'"
        database.execute(noted, (count, label))
    database.execute("INSERT OR IGNORE INTO meta VALUES ('train_evicted', '1')")
    return wanted


def _condense(
    database: sqlite3.Connection, segments: Segments, claim: Claim, label: int, n: int, rng: np.random.Generator
) -> None:
    """Let `n` of a label's samples go whose likes stay; these stand for them from now on."""
    if not n:
        return
    pool = rng.permutation(_pool(database, claim, label, n, rng))
    found = slots.several(database, label, Role.TRAIN, pool.tolist())
    compared = stand_ins.read(database, segments, np.array([found[slot] for slot in pool.tolist()], np.int64))
    points, masses = compared.thumbnails.astype(np.float32), compared.masses.copy()
    parts = -(-len(pool) // AT_ONCE)
    bounds, goes = (np.arange(parts + 1) * total // parts for total in (len(pool), n))
    for start, end, few in zip(bounds[:-1], bounds[1:], np.diff(goes), strict=True):
        masses[start:end] = condense(points[start:end], masses[start:end], int(few), rng)
    slots.delete(database, slots.leave(database, label, Role.TRAIN, pool[masses == 0].tolist()))
    stand_ins.keep(database, compared, masses)


def _pool(
    database: sqlite3.Connection, claim: Claim, label: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the slots to choose from: half of them at least of what came with this round, where that is enough."""
    query = (
        # By key: the index by label would be read from end to end, however much is stored.
        "SELECT slot FROM samples NOT INDEXED WHERE sample > ? AND sample <= ? AND role = 'train' AND label = ?"
        " AND slot IS NOT NULL ORDER BY slot"
    )
    fresh = [row[0] for row in database.execute(query, (claim.high_water, claim.last_sample, label))]
    count = slots.tally(database, label, Role.TRAIN)
    size = min(count, max(POOL_MIN, POOL * n))
    chosen = rng.permutation(np.array(fresh, np.int64))[: size // 2]
    others = rng.choice(count, size, replace=False)
    return np.concatenate([chosen, others[~np.isin(others, chosen)][: size - len(chosen)]])
