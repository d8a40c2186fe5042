"""Which versions' weights are kept for a rollback: the newest, and older ones ever further apart."""

from collections.abc import Collection

NEWEST = 3
"""Versions, counted from the newest, that never make room for older ones."""


def spread(versions: Collection[int], limit: int) -> set[int]:
    """Return at most `limit` (from 1 on) of these versions: the newest three, the oldest, and what lies evenly between.

    Evenly on a scale on which each step back is a few times as far as the one before: with ten kept, one can return by
    1, 2, 3, 8, 31, 85, 458, … versions. Asked again at every version, it keeps most of what it kept before.
    """
    kept = sorted(versions, reverse=True)
    while len(kept) > limit:
        candidates = range(min(NEWEST, limit), len(kept) - 1)
        if not candidates:
            return set(kept[:limit])
        newest = kept[0]
        # the one that is missed least: its neighbours in age lie closest together, as a ratio
        least = min(candidates, key=lambda at: (newest - kept[at + 1]) / (newest - kept[at - 1]))
        del kept[least]
    return set(kept)
