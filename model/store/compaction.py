"""Compaction: what is still alive in emptied segments moves into a new one, and the old files go."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from model.store.database import transaction
from model.store.segments import Place, Segments

BYTES_MAX = 64 << 20
"""Pixels moved at a time, so that a round's tidying is bounded; a single larger segment is moved whole."""
SEGMENTS_MAX = 64


@dataclass(frozen=True, slots=True)
class Moved:
    """What one compaction did: rows moved, and the digests of the segments whose files can go."""

    rows: int
    emptied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tidied:
    """What tidying did in all: files of segments and weights removed, bytes freed, rows moved."""

    files_removed: int
    bytes_freed: int
    rows_moved: int


def compact(
    database: sqlite3.Connection, segments: Segments, below: float, reached: Callable[[str], None]
) -> Moved | None:
    """Rewrite the emptiest segments, if their share of live rows is under `below`; None when there is none.

    The order is that of a claim: the new file is durable before a row names it; the old files go only after the
    transaction that no longer names them (the caller removes them, or the sweep at the next start does).
    """
    chosen = _emptiest(database, below, BYTES_MAX // segments.row_bytes)
    if not chosen:
        return None
    rows = [
        (sample, Place(digest, position))
        for segment, digest in chosen
        for sample, position in database.execute(
            "SELECT sample, position FROM samples WHERE segment = ? ORDER BY position", (segment,)
        ).fetchall()
    ]
    reached("compaction.before")
    if not rows:  # all of it was dropped
        with transaction(database):
            database.executemany("DELETE FROM segments WHERE segment = ?", [(segment,) for segment, _ in chosen])
        return Moved(0, tuple(name for _, name in chosen))
    digest = segments.write(segments.read([place for _, place in rows]))
    reached("compaction.inside")
    with transaction(database):
        insert = "INSERT INTO segments (digest, row_count, live) VALUES (?, ?, ?)"
        target = database.execute(insert, (digest, len(rows), len(rows))).lastrowid
        database.executemany(
            "UPDATE samples SET segment = ?, position = ? WHERE sample = ?",
            [(target, position, sample) for position, (sample, _) in enumerate(rows)],
        )
        database.executemany("DELETE FROM segments WHERE segment = ?", [(segment,) for segment, _ in chosen])
    reached("compaction.after")
    return Moved(len(rows), tuple(name for _, name in chosen))


def _emptiest(database: sqlite3.Connection, below: float, room: int) -> list[tuple[int, str]]:
    query = (
        "SELECT segment, digest, live FROM segments WHERE live * 1.0 / row_count < ?"
        " ORDER BY live * 1.0 / row_count LIMIT ?"
    )
    chosen: list[tuple[int, str]] = []
    for segment, digest, live in database.execute(query, (below, SEGMENTS_MAX)).fetchall():
        room -= live
        if room < 0 and chosen:
            break
        chosen.append((segment, digest))
    return chosen
