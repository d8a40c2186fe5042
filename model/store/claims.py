"""The claim: from its transaction on, a round can be done again without Kafka and Redis, to the same bytes."""

import sqlite3
from dataclasses import dataclass

from model.store import relabels
from model.store.class_events import ClassBook
from model.store.facts import Claim, ClaimedSpan, Role, StoreRules
from model.store.parcels import members
from model.store.pictures import holdout_share, is_held_out
from model.store.planning import Known, Plan, Stored, Waited
from model.window import LogKey, Window

CLAIM_COLUMNS = (
    "round, seed, state, high_water, last_sample, classes, holdout_share, parent, attempt, deaths, claimed_at, retried"
)

CHALLENGE = "retried IS NULL AND NOT EXISTS (SELECT 1 FROM spans WHERE spans.round = rounds.round)"
"""The round takes in nothing: see `Claim.challenges`."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known of a round when it is claimed."""

    seed: int
    state: str | None
    segment: str | None
    """Digest of the segment; None when the window stored nothing."""
    holdout_share: float
    now_ms: int


def find_stored(database: sqlite3.Connection, digest: bytes) -> Stored | None:
    """Return the stored sample with this picture, of whatever role."""
    query = "SELECT sample, name FROM samples JOIN labels USING (label) WHERE digest = ?"
    row = database.execute(query, (digest,)).fetchone()
    return Stored(row[0], row[1]) if row else None


def find_waited(database: sqlite3.Connection, label: str) -> Waited:
    """Return what accepted windows have left waiting under a label. A suspect window's word does not count."""
    query = (
        "SELECT count(*), count(DISTINCT samples.round)"
        " FROM samples JOIN labels USING (label) JOIN rounds USING (round)"
        " WHERE name = ? AND role = 'waiting' AND fate = 'accepted'"
    )
    return Waited(*database.execute(query, (label,)).fetchone())


def known_to(database: sqlite3.Connection) -> Known:
    """Return what a plan may ask of the database."""
    classes = database.execute("SELECT name FROM labels WHERE class IS NOT NULL ORDER BY class").fetchall()
    champion = database.execute("SELECT 1 FROM champions LIMIT 1").fetchone()
    book = ClassBook(database)
    return Known(
        stored=lambda digest: find_stored(database, digest),
        waited=lambda label: find_waited(database, label),
        classes=tuple(row[0] for row in classes),
        founding=champion is None,
        aliases=book.aliases(),
        retired=book.retired(),
        admitted=book.admitted(),
        waiting=book.waiting_pictures,
    )


def share_for_claim(database: sqlite3.Connection, rules: StoreRules) -> float:
    """Return the share of new pictures that the next claim holds out."""
    held = database.execute("SELECT coalesce(sum(count), 0) FROM tallies WHERE role = 'holdout'").fetchone()[0]
    evicted = database.execute("SELECT 1 FROM meta WHERE key = 'train_evicted'").fetchone()
    last = database.execute("SELECT holdout_share FROM rounds ORDER BY round DESC LIMIT 1").fetchone()
    return holdout_share(held, rules.holdout_first, rules.holdout_fraction, last[0] if evicted and last else None)


def write_claim(database: sqlite3.Connection, window: Window, plan: Plan, begin: Beginning) -> None:
    """Write everything about the new round, inside the caller's transaction."""
    before = database.execute("SELECT round, last_sample FROM rounds ORDER BY round DESC LIMIT 1").fetchone()
    number, high_water = (before[0] + 1, before[1]) if before else (1, 0)
    _join(database, plan.joined, number)
    segment = _insert_segment(database, begin.segment, len(plan.rows))
    classes = database.execute("SELECT count(*) FROM labels WHERE class IS NOT NULL").fetchone()[0]
    champion = database.execute("SELECT version FROM champions ORDER BY move DESC LIMIT 1").fetchone()
    database.execute(
        "INSERT INTO rounds (round, seed, state, segment, high_water, last_sample, classes, holdout_share, parent,"
        " claimed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            begin.seed,
            begin.state,
            segment,
            high_water,
            high_water + len(plan.rows),
            classes,
            begin.holdout_share,
            champion[0] if champion else None,
            begin.now_ms,
        ),
    )
    logs = {span.log: _log_number(database, span.log) for span in plan.spans}
    database.executemany(
        "INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, logs[span.log], *_span_columns(span)) for span in plan.spans],
    )
    _insert_samples(database, window, plan, (number, high_water, segment), logs)
    _note_aliases(database, window, plan, high_water)
    relabels.note(database, number, window, plan, logs)


def write_retry(database: sqlite3.Connection, parcel: int, begin: Beginning) -> None:
    """Write a new round that retries a parcel, inside the caller's transaction: it takes in nothing."""
    _write_without_window(database, parcel, begin)


def write_challenge(database: sqlite3.Connection, begin: Beginning) -> None:
    """Write a new round that holds a challenger against the champion, inside the caller's transaction.

    Its weights must stay until the commit.
    """
    database.execute("INSERT OR IGNORE INTO weights VALUES (?)", (begin.state,))
    _write_without_window(database, None, begin)


def _write_without_window(database: sqlite3.Connection, parcel: int | None, begin: Beginning) -> None:
    database.execute(
        "INSERT INTO rounds (round, seed, state, high_water, last_sample, classes, holdout_share, parent, retried,"
        " claimed_at) SELECT max(round) + 1, ?, ?, max(last_sample), max(last_sample),"
        " (SELECT count(*) FROM labels WHERE class IS NOT NULL), ?,"
        " (SELECT version FROM champions ORDER BY move DESC LIMIT 1), ?, ? FROM rounds",
        (begin.seed, begin.state, begin.holdout_share, parcel, begin.now_ms),
    )


def is_challenge(database: sqlite3.Connection, number: int) -> bool:
    """Tell whether a round held a challenger against the champion."""
    query = f"SELECT 1 FROM rounds WHERE round = ? AND {CHALLENGE}"  # noqa: S608 - a constant
    return database.execute(query, (number,)).fetchone() is not None


def last_challenge(database: sqlite3.Connection) -> int:
    """Return the last round that held a challenger against a champion; 0 where there is none."""
    query = f"SELECT round FROM rounds WHERE outcome IS NOT NULL AND {CHALLENGE} ORDER BY round DESC LIMIT 1"  # noqa: S608
    row = database.execute(query).fetchone()
    return int(row[0]) if row else 0


def _span_columns(span: ClaimedSpan) -> tuple[int, ...]:
    counts = (span.trained, span.holdout, span.dead_lettered, span.expired)
    return (span.start, span.end, *counts, span.duplicate, span.waiting, span.suspect, span.relabelled)


def _join(database: sqlite3.Connection, names: tuple[str, ...], number: int) -> None:
    """Give the names the next indexes of the head."""
    first = database.execute("SELECT coalesce(max(class) + 1, 0) FROM labels").fetchone()[0]
    for index, name in enumerate(names, start=first):
        label = label_number(database, name)
        database.execute("UPDATE labels SET class = ?, joined_round = ? WHERE label = ?", (index, number, label))


def label_number(database: sqlite3.Connection, name: str) -> int:
    """Return the number of a label, new ones included."""
    database.execute("INSERT OR IGNORE INTO labels (name) VALUES (?)", (name,))
    return int(database.execute("SELECT label FROM labels WHERE name = ?", (name,)).fetchone()[0])


def _insert_segment(database: sqlite3.Connection, digest: str | None, rows: int) -> int | None:
    if digest is None:
        return None
    insert = "INSERT INTO segments (digest, row_count, live) VALUES (?, ?, ?)"
    return database.execute(insert, (digest, rows, rows)).lastrowid


def _log_number(database: sqlite3.Connection, log: LogKey) -> int:
    names = (log.topic, log.topic_id, log.partition, log.incarnation)
    database.execute("INSERT OR IGNORE INTO logs (topic, topic_id, partition, incarnation) VALUES (?, ?, ?, ?)", names)
    query = "SELECT log FROM logs WHERE topic = ? AND topic_id = ? AND partition = ? AND incarnation = ?"
    return int(database.execute(query, names).fetchone()[0])


def _insert_samples(
    database: sqlite3.Connection,
    window: Window,
    plan: Plan,
    place: tuple[int, int, int | None],
    logs: dict[LogKey, int],
) -> None:
    number, high_water, segment = place
    labels = {name: label_number(database, name) for name in dict.fromkeys(row.label for row in plan.rows)}
    rows = []
    for position, row in enumerate(plan.rows):
        arrival = window.arrivals[row.index]
        origin = (logs[arrival.log], arrival.offset, arrival.sample_id, labels[row.label], arrival.source)
        key = high_water + 1 + position
        rows.append((key, number, *origin, arrival.event_time_ms, row.digest, row.role, segment, position))
    database.executemany(
        "INSERT INTO samples (sample, round, log, offset, sample_id, label, source, event_time_ms, digest, role,"
        " segment, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _note_aliases(database: sqlite3.Connection, window: Window, plan: Plan, high_water: int) -> None:
    """Note what samples were labelled where that label was merged: a rollback to before the merge gives it back."""
    merges = ClassBook(database).merges()
    sent = [(position, row, window.arrivals[row.index].label) for position, row in enumerate(plan.rows)]
    database.executemany(
        "INSERT INTO class_moves VALUES (?, ?, ?, ?)",
        [(merges[name], high_water + 1 + position, name, row.role) for position, row, name in sent if name in merges],
    )


def load_claim(database: sqlite3.Connection) -> Claim | None:
    """Return the open claim, or None."""
    row = database.execute(f"SELECT {CLAIM_COLUMNS} FROM rounds WHERE outcome IS NULL").fetchone()  # noqa: S608
    if row is None:
        return None
    number, seed, state, high_water, last_sample, count, share, parent, attempt, deaths, claimed_at, retried = row
    names = database.execute(
        "SELECT name, joined_round FROM labels WHERE class < ? ORDER BY class", (count,)
    ).fetchall()
    return Claim(
        round=number,
        seed=seed,
        state=state,
        spans=load_spans(database, number),
        classes=tuple(name for name, _ in names),
        joined=tuple(name for name, joined in names if joined == number),
        relabelled=database.execute("SELECT count(*) FROM relabels WHERE state = 'pending'").fetchone()[0],
        high_water=high_water,
        last_sample=last_sample,
        holdout_share=share,
        attempt=attempt,
        deaths=deaths,
        version=newest_version(database) + 1,
        parent=parent,
        claimed_at_ms=claimed_at,
        retried=retried,
    )


def newest_version(database: sqlite3.Connection) -> int:
    """Return the highest version number that was ever given, by this state or by whoever went on from it before."""
    query = (
        "SELECT max(coalesce((SELECT max(version) FROM versions), 0),"
        " coalesce((SELECT max(version_floor) FROM adoptions), 0))"
    )
    return int(database.execute(query).fetchone()[0])


def load_spans(database: sqlite3.Connection, after: int, until: int | None = None) -> tuple[ClaimedSpan, ...]:
    """Return the spans of the rounds `after` to `until` (both included; None: of that one round), by log and range."""
    rows = database.execute(
        "SELECT topic, topic_id, partition, incarnation, start, stop, trained, holdout, dead_lettered, expired,"
        " duplicate, waiting, suspect, relabelled FROM spans JOIN logs USING (log) WHERE round BETWEEN ? AND ?"
        " ORDER BY topic, topic_id, partition, incarnation, start",
        (after, after if until is None else until),
    )
    return tuple(ClaimedSpan(LogKey(*row[:4]), *row[4:]) for row in rows)


def claimed_samples(database: sqlite3.Connection, claim: Claim, roles: tuple[Role, ...]) -> list[int]:
    """Return the keys of the claim's samples of these roles, in claim order."""
    if claim.retried is not None:
        return members(database, claim.retried, len(claim.classes), roles)
    rows = database.execute(
        "SELECT sample, role FROM samples WHERE sample > ? AND sample <= ? ORDER BY sample",
        (claim.high_water, claim.last_sample),
    )
    return [sample for sample, role in rows if role in roles]


def released_samples(database: sqlite3.Connection, claim: Claim, label: int) -> list[tuple[int, bytes]]:
    """Return (sample, digest) of what waited for a label before this claim, oldest first."""
    query = "SELECT sample, digest FROM samples WHERE label = ? AND role = 'waiting' AND sample <= ? ORDER BY sample"
    return database.execute(query, (label, claim.high_water)).fetchall()


def released_to_training(database: sqlite3.Connection, claim: Claim) -> list[int]:
    """Return the samples that waited for a class that joins with this claim, and are not to be held out.

    One that the window brings again under another label is left out.
    """
    contested = {row[0] for row in database.execute("SELECT sample FROM relabels WHERE state = 'pending'")}
    return [
        sample
        for name in claim.joined
        for sample, digest in released_samples(database, claim, label_number(database, name))
        if not is_held_out(digest, claim.holdout_share) and sample not in contested
    ]
