"""What leaves when the store is above its cap: a class-balanced reservoir, in the transaction of the commit."""

import sqlite3
from collections.abc import Mapping

import numpy as np

from model.store import slots
from model.store.facts import Claim, Role, StoreRules

ASIDE_SHARE = 0.1
"""Share of a full store that suspect, quarantined and waiting samples may take."""
HOLDOUT_SHARE = 0.2
"""Share of a full store up to which the evaluation set is left alone."""
SEEN_MAX = 500_000_000
"""Where counting what a class has seen ends (numpy's hypergeometric ends at 10^9)."""


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
    database: sqlite3.Connection, claim: Claim, rules: StoreRules, row_bytes: int, rng: np.random.Generator
) -> int:
    """Delete samples until the store is within `bytes_max`; return how many. Inside the caller's transaction.

    Waiting samples above their own cap are dropped whether the store is full or not. Then set-aside samples above their
    share go first, oldest first; then held-out ones above theirs; then training ones.
    """
    _drop_waiting(database, rules.waiting_max)
    capacity = rules.bytes_max // row_bytes
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
    left -= _evict_training(database, claim, min(left, stored.get(Role.TRAIN, 0)), rng)
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


def _evict_training(database: sqlite3.Connection, claim: Claim, wanted: int, rng: np.random.Generator) -> int:
    if wanted <= 0:
        return 0
    query = "SELECT label, count FROM tallies WHERE role = 'train' AND count > 0"
    counts: dict[int, int] = dict(database.execute(query).fetchall())
    newest = "SELECT label, count(*) FROM samples WHERE sample > ? AND sample <= ? AND role = 'train' GROUP BY label"
    window = (claim.high_water, claim.last_sample)
    fresh = dict(database.execute(newest, window).fetchall()) if claim.last_sample > claim.high_water else {}
    for label, count in water_level(counts, wanted).items():
        seen = slots.tally(database, label, Role.TRAIN)[1]
        victims = _reservoir_victims(counts[label], fresh.get(label, 0), seen, count, rng)
        slots.delete(database, slots.leave(database, label, Role.TRAIN, victims))
    database.execute("INSERT OR IGNORE INTO meta VALUES ('train_evicted', '1')")
    return wanted


def _reservoir_victims(stored: int, fresh: int, seen: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Return slots to empty so that what stays is an even sample of all that the class has ever seen.

    The `fresh` last slots came with this round. How many of them stay is drawn as if all seen were drawn from anew.
    """
    old, stay = stored - fresh, stored - wanted
    seen_before = max(old, min(seen, SEEN_MAX) - fresh)
    drawn = int(rng.hypergeometric(fresh, seen_before, stay)) if fresh else 0
    fresh_stay = min(fresh, max(drawn, stay - old))
    fresh_go = fresh - fresh_stay
    newcomers = old + rng.choice(fresh, fresh_go, replace=False) if fresh_go else np.empty(0, np.int64)
    others = rng.choice(old, wanted - fresh_go, replace=False) if wanted > fresh_go else np.empty(0, np.int64)
    return [*map(int, newcomers), *map(int, others)]
