"""Holds a state directory against its own digests and cross-references. Reads only; a learner may live on it."""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from model.durable import file_sha256
from model.store.cross_references import CROSS_REFERENCES
from model.store.database import connect_read_only
from model.store.folders import WEIGHTS, WEIGHTS_SUFFIX
from model.store.pictures import DIGEST_BYTES
from model.store.segments import HEADER, Segments, read_header
from model.store.segments import SEGMENTS_FOLDER as SEGMENTS


class FindingKind(StrEnum):
    """What is wrong."""

    DATABASE = "database"
    """SQLite itself finds the file damaged."""
    CROSS_REFERENCE = "cross_reference"
    """Rows contradict each other."""
    MISSING = "missing"
    """A file that a row names is not there."""
    DAMAGED = "damaged"
    """A file is not what its digest says."""
    ORPHAN = "orphan"
    """A file that no row names. Harmless: the learner sweeps it at its next start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    kind: FindingKind
    subject: str
    """The file or row, as people would look for it."""
    message: str
    cure: str

    @property
    def harmless(self) -> bool:
        """Tell whether the learner puts it right by itself."""
        return self.kind is FindingKind.ORPHAN


RESTORE = "restore the state directory from a backup"


def verify(path: Path) -> list[Finding]:
    """Return what is wrong with the state directory; empty when all is well. Raises StateError when it has none."""
    database = connect_read_only(path)
    try:
        findings = _database(database)
        if not findings:
            findings += [*_cross_references(database), *_segments(database, path), *_weights(database, path)]
    finally:
        database.close()
    return findings


def _database(database: sqlite3.Connection) -> list[Finding]:
    try:
        lines = [row[0] for row in database.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
        dangling = database.execute("PRAGMA foreign_key_check").fetchall()
        lines += [f"{row[0]} row {row[1]} names a missing {row[2]}" for row in dangling]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    return [Finding(FindingKind.DATABASE, "tidemill.db", line, RESTORE) for line in lines]


def _cross_references(database: sqlite3.Connection) -> Iterator[Finding]:
    # One snapshot, so that a round committed meanwhile is seen whole or not at all.
    database.execute("BEGIN")
    try:
        for message, query in CROSS_REFERENCES:
            for row in database.execute(query).fetchall():
                yield Finding(FindingKind.CROSS_REFERENCE, "tidemill.db", message.format(*row), RESTORE)
    finally:
        database.execute("ROLLBACK")


def _segments(database: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    folder = path / SEGMENTS
    named = database.execute("SELECT segment, digest, row_count FROM segments ORDER BY segment").fetchall()
    for segment, digest, rows in named:
        subject = f"{SEGMENTS}/{Segments.file_name(digest)}"
        try:
            wanted = dict(
                database.execute("SELECT position, digest FROM samples WHERE segment = ?", (segment,)).fetchall()
            )
            problem = _segment_problem(folder / Segments.file_name(digest), digest, rows, wanted)
        except FileNotFoundError:
            # A learner beside us may have rewritten it since it was listed.
            if database.execute("SELECT 1 FROM segments WHERE digest = ?", (digest,)).fetchone():
                yield Finding(FindingKind.MISSING, subject, "the file is gone", RESTORE)
            continue
        if problem:
            yield Finding(FindingKind.DAMAGED, subject, problem, RESTORE)
    yield from _orphans(folder, {Segments.file_name(digest) for _, digest, _ in named})


def _segment_problem(file: Path, digest: str, rows: int, wanted: dict[int, bytes]) -> str:
    """Return what is wrong with a segment and its pictures, or nothing. Raises FileNotFoundError."""
    try:
        size, count = read_header(file)
    except ValueError as error:
        return str(error)
    if count != rows:
        return f"it holds {count} rows, not {rows}"
    whole = hashlib.sha256()
    others = 0
    with file.open("rb") as source:
        whole.update(source.read(HEADER.size))
        for position in range(count):
            row = source.read(size * size * 3)
            whole.update(row)
            picture = hashlib.blake2b(row, digest_size=DIGEST_BYTES).digest()
            others += wanted.get(position, picture) != picture
    if whole.hexdigest() != digest:
        return "its bytes are not those of its digest"
    return f"{others} of its rows are not the pictures that the samples name" if others else ""


def _weights(database: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    folder = path / WEIGHTS
    named = [row[0] for row in database.execute("SELECT digest FROM weights ORDER BY digest")]
    for digest in named:
        subject = f"{WEIGHTS}/{digest}{WEIGHTS_SUFFIX}"
        try:
            damaged = file_sha256(path / subject) != digest
        except FileNotFoundError:
            if database.execute("SELECT 1 FROM weights WHERE digest = ?", (digest,)).fetchone():
                yield Finding(FindingKind.MISSING, subject, "the file is gone", RESTORE)
            continue
        if damaged:
            yield Finding(FindingKind.DAMAGED, subject, "its bytes are not those of its digest", RESTORE)
    yield from _orphans(folder, {f"{digest}{WEIGHTS_SUFFIX}" for digest in named})


def _orphans(folder: Path, named: set[str]) -> Iterator[Finding]:
    for name in sorted(one.name for one in folder.iterdir() if one.is_file() and one.name not in named):
        message = "no row names it: a crash left it, or a learner is about to name it"
        yield Finding(FindingKind.ORPHAN, f"{folder.name}/{name}", message, "nothing: the next start sweeps it")
