"""The books: every record of a range is in exactly one round, as a sample, a dead letter, or taken by retention."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

COUNTED = ("trained", "holdout", "dead_lettered", "duplicate", "waiting", "suspect", "expired")
Log = tuple[str, str, int]


def records_of(entry: Mapping[str, Any]) -> int:
    """Return how many records a lineage entry accounts for."""
    return sum(int(entry.get(kind, 0)) for kind in COUNTED)


def check_tiles(lineages: Iterable[Iterable[Mapping[str, Any]]]) -> dict[Log, tuple[int, int, int]]:
    """Check that, in order, the ranges of each log follow without gap or overlap and no entry counts too much.

    Returns (from, to, records) for each log.
    """
    logs: dict[Log, list[Mapping[str, Any]]] = defaultdict(list)
    for lineage in lineages:
        for entry in lineage:
            logs[entry["topic"], entry["topic_id"], entry["partition"]].append(entry)
    totals = {}
    for log, entries in logs.items():
        for before, after in pairwise(entries):
            assert before["to"] == after["from"], f"{log}: {before} is followed by {after}"
        for entry in entries:
            assert records_of(entry) <= entry["to"] - entry["from"], f"{log}: {entry} counts more than it spans"
        totals[log] = (entries[0]["from"], entries[-1]["to"], sum(map(records_of, entries)))
    return totals
