"""Parcels: samples that were set aside together, by the round's number. All of it inside the caller's transaction.

A suspect parcel waits to be retried, a quarantined one for a person. Nothing of it is replayed, nor judged by.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from model.store import slots
from model.store.facts import Claim, Commit, Fate, Role
from model.store.recollections import forget_answers

SUSPECTS_MAX = 256
"""Suspect parcels that wait at a time; the oldest above are quarantined untried."""
TRIES_MAX = 4
"""Times that a parcel is retried; then it is quarantined."""
ROUNDS_MAX = 50
"""Rounds after which a parcel that nothing has confirmed is quarantined."""
REASON_MAX = 1_000
"""Characters of a parcel's reason, above which none is added."""

LEARNT = "fate = 'accepted' AND verdict <> '' AND undone = 0"
"""The round's candidate was accepted."""

Member = tuple[int, Role, int | None]
"""A sample, the role that it would have, and the class that the champion took it for (None: not asked)."""


def set_aside(database: sqlite3.Connection, parcel: int, role: Role, reason: str, members: Iterable[Member]) -> None:
    """Note that the samples, which hold no slot and have the role already, belong to a parcel. Tallies are not touched.

    `parcel` is the number of the round that took them in.
    """
    rows = [(sample, parcel, was, said) for sample, was, said in members]
    if not rows:
        return
    database.execute(
        "INSERT INTO parcels (parcel, role, since, reason) VALUES (?, ?, (SELECT max(round) FROM rounds), ?)"
        " ON CONFLICT (parcel) DO UPDATE SET role = excluded.role, since = excluded.since, reason = excluded.reason,"
        " tries = 0, tried = NULL, learnable = 0",
        (parcel, role, reason),
    )
    database.executemany("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", rows)


def append(database: sqlite3.Connection, parcel: int, reason: str, members: Iterable[Member]) -> None:
    """Note that samples, which hold no slot and are quarantined, belong to a quarantined parcel, and add the reason."""
    database.executemany(
        "INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", [(one, parcel, *of) for one, *of in members]
    )
    grown = "UPDATE parcels SET reason = reason || '; ' || ?1 WHERE parcel = ?2 AND length(reason) + length(?1) <= ?3"
    database.execute(grown, (reason, parcel, REASON_MAX))


def take_reason_off(database: sqlite3.Connection, parcel: int, reason: str) -> None:
    """Take off a reason that was added, once what was set aside for it is back. The only one stays."""
    (said,) = database.execute("SELECT reason FROM parcels WHERE parcel = ?", (parcel,)).fetchone()
    before, found, after = said.rpartition(reason)
    rest = before.removesuffix("; ") + after if before else after.removeprefix("; ")
    if found and rest:
        database.execute("UPDATE parcels SET reason = ? WHERE parcel = ?", (rest, parcel))


def members(database: sqlite3.Connection, parcel: int, classes: int, roles: Sequence[Role]) -> list[int]:
    """Return the parcel's samples of the first `classes` classes that would have one of the roles, in order."""
    query = (
        "SELECT sample, was FROM aside JOIN samples USING (sample) JOIN labels USING (label)"
        " WHERE parcel = ? AND class < ? ORDER BY sample"
    )
    return [sample for sample, was in database.execute(query, (parcel, classes)) if was in roles]


def due_parcel(database: sqlite3.Connection, *, idle: bool = False) -> int | None:
    """Return the suspect parcel to retry next: an untried one, else one that an accepted change may explain.

    One whose candidate was harmful is due once another window was learnt, for from the same state it is likely to do
    harm again. Where there is nothing else to do (`idle`) that is tried all the same, once: the stream may have ended.
    It is retried twice at most, each time after another window was learnt but for that one: a false alarm is rare, two
    are rarer.
    """
    harmful = "EXISTS (SELECT 1 FROM rounds WHERE round = parcels.parcel AND verdict = 'harmful')"
    untried = f"tries = 0 AND (parcel < :learnt OR NOT {harmful} OR :idle)"
    again = f"tries = 1 AND {harmful} AND tried < :learnt"
    changed = "EXISTS (SELECT 1 FROM rounds WHERE round > parcels.tried AND change = 1 AND undone = 0)"
    query = (
        f"SELECT parcel FROM parcels WHERE role = 'suspect' AND (({untried}) OR ({again}) OR {changed})"  # noqa: S608 - our own words
        " ORDER BY tries > 0, parcel LIMIT 1"
    )
    row = database.execute(query, {"learnt": _last_learnt(database), "idle": idle}).fetchone()
    return int(row[0]) if row else None


def is_last_try(database: sqlite3.Connection, claim: Claim) -> bool:
    """Tell whether the parcel that the claim retries is quarantined should its candidate be harmful again.

    It is at the second retry, if another window was learnt since it came.
    """
    row = database.execute("SELECT tries FROM parcels WHERE parcel = ?", (claim.retried,)).fetchone()
    return row is not None and row[0] >= 1 and learnt_since(database, claim)


def learnt_since(database: sqlite3.Connection, claim: Claim) -> bool:
    """Tell whether another window was learnt between the one that the claim retries and the claim."""
    return claim.retried is not None and _last_learnt(database, claim.round) > claim.retried


def harmful_in_a_row(database: sqlite3.Connection, before: int) -> int:
    """Return how many windows before a round were refused for their candidates were harmful, none learnt since."""
    query = (
        "SELECT count(*) FROM rounds WHERE round > ? AND round < ? AND verdict = 'harmful' AND retried IS NULL"
        " AND undone = 0"
    )
    row = database.execute(query, (_last_learnt(database, before), before)).fetchone()
    return int(row[0])


def _last_learnt(database: sqlite3.Connection, before: int | None = None) -> int:
    """Return the last round, if need be before another, whose candidate was accepted; 0 where there is none."""
    query = (
        f"SELECT round FROM rounds WHERE round < coalesce(?, round + 1) AND {LEARNT}"  # noqa: S608 - our own words
        " ORDER BY round DESC LIMIT 1"
    )
    row = database.execute(query, (before,)).fetchone()
    return int(row[0]) if row else 0


def learnable_parcels(database: sqlite3.Connection, claim: Claim, limit: int) -> list[int]:
    """Return the newest suspect parcels, but the claim's own, of which one half could be learnt from the other."""
    query = (
        "SELECT parcel FROM parcels WHERE role = 'suspect' AND learnable = 1 AND parcel IS NOT ?"
        " ORDER BY parcel DESC LIMIT ?"
    )
    return [row[0] for row in database.execute(query, (claim.retried, limit)).fetchall()]


def changed_since_retry(database: sqlite3.Connection, claim: Claim) -> bool:
    """Tell whether a change of what labels mean was accepted since the claim's parcel was found learnable."""
    query = (
        "SELECT 1 FROM parcels WHERE parcel = ? AND learnable = 1"
        " AND EXISTS (SELECT 1 FROM rounds WHERE round > parcels.tried AND change = 1 AND undone = 0)"
    )
    return database.execute(query, (claim.retried,)).fetchone() is not None


def end_retry(database: sqlite3.Connection, claim: Claim, commit: Commit) -> None:
    """Write what became of the parcel that the claim retried."""
    parcel = claim.retried
    if parcel is None:
        return
    if commit.fate is Fate.ACCEPTED:
        accept(database, parcel)
        return
    database.execute(
        "UPDATE parcels SET tries = tries + 1, tried = ?, learnable = ? WHERE parcel = ?",
        (claim.round, commit.fate is Fate.SUSPECT and not commit.verdict, parcel),
    )
    if commit.fate is Fate.QUARANTINED:
        quarantine(database, parcel, commit.reason)


def accept(database: sqlite3.Connection, parcel: int) -> int:
    """Take the parcel in, each sample in the role that it would have had; those of no class wait. Return how many."""
    query = (
        "SELECT label, samples.role, was, class IS NULL, sample"
        " FROM aside JOIN samples USING (sample) JOIN labels USING (label) WHERE parcel = ? ORDER BY sample"
    )
    groups: dict[tuple[int, Role, Role], list[int]] = defaultdict(list)
    for label, now, was, classless, sample in database.execute(query, (parcel,)):
        groups[label, Role(now), Role.WAITING if classless else Role(was)].append(sample)
    for (label, now, becomes), samples in groups.items():
        slots.add_to_tally(database, label, now, -len(samples))
        if becomes is Role.WAITING:
            slots.add_to_tally(database, label, becomes, len(samples))
            database.executemany("UPDATE samples SET role = 'waiting' WHERE sample = ?", [(one,) for one in samples])
        else:
            slots.enter(database, label, becomes, samples)
    _forget(database, parcel)
    return sum(map(len, groups.values()))


def quarantine(database: sqlite3.Connection, parcel: int, reason: str) -> None:
    """Keep a suspect parcel for a person to decide."""
    samples = "SELECT sample FROM aside WHERE parcel = ?"
    query = f"SELECT label, count(*) FROM samples WHERE role = 'suspect' AND sample IN ({samples}) GROUP BY label"  # noqa: S608
    for label, count in database.execute(query, (parcel,)).fetchall():
        slots.add_to_tally(database, label, Role.SUSPECT, -count)
        slots.add_to_tally(database, label, Role.QUARANTINED, count)
    database.execute(f"UPDATE samples SET role = 'quarantined' WHERE sample IN ({samples})", (parcel,))  # noqa: S608
    database.execute("UPDATE parcels SET role = 'quarantined', reason = ? WHERE parcel = ?", (reason, parcel))


def reconsider(database: sqlite3.Connection, parcel: int, reason: str) -> bool:
    """Make a quarantined parcel suspect again, to be retried as if it were new; return whether it was quarantined."""
    query = "SELECT 1 FROM parcels WHERE parcel = ? AND role = 'quarantined'"
    if database.execute(query, (parcel,)).fetchone() is None:
        return False
    samples = "SELECT sample FROM aside WHERE parcel = ?"
    query = f"SELECT label, count(*) FROM samples WHERE role = 'quarantined' AND sample IN ({samples}) GROUP BY label"  # noqa: S608
    for label, count in database.execute(query, (parcel,)).fetchall():
        slots.add_to_tally(database, label, Role.QUARANTINED, -count)
        slots.add_to_tally(database, label, Role.SUSPECT, count)
    database.execute(f"UPDATE samples SET role = 'suspect' WHERE sample IN ({samples})", (parcel,))  # noqa: S608
    database.execute(
        "UPDATE parcels SET role = 'suspect', since = (SELECT max(round) FROM rounds), reason = ?, tries = 0,"
        " tried = NULL, learnable = 0 WHERE parcel = ?",
        (reason, parcel),
    )
    return True


def drop(database: sqlite3.Connection, parcel: int) -> int:
    """Delete the parcel and its samples; return how many."""
    query = "SELECT sample, label, role FROM samples JOIN aside USING (sample) WHERE parcel = ? ORDER BY sample"
    rows = database.execute(query, (parcel,)).fetchall()
    for _, label, role in rows:
        slots.add_to_tally(database, label, Role(role), -1)
    slots.delete(database, [row[0] for row in rows])
    _forget(database, parcel)
    return len(rows)


def retire(database: sqlite3.Connection, claim: Claim, classes: Sequence[int]) -> None:
    """Quarantine the samples of classes whose meaning has changed: they are neither judged by nor replayed any more."""
    retired: list[Member] = []
    for index in classes:
        (label,) = database.execute("SELECT label FROM labels WHERE class = ?", (index,)).fetchone()
        for role in (Role.HOLDOUT, Role.TRAIN):
            left = slots.clear(database, label, role, Role.QUARANTINED)
            retired += [(sample, role, None) for sample in left]
        # What was evicted of the class, and what was answered to it, meant what it means no more.
        database.execute("UPDATE tallies SET evicted = 0 WHERE label = ?", (label,))
    forget_answers(database, [sample for sample, _, _ in retired])
    reason = f"from before the labels' meaning changed, as round {claim.retried} showed"
    set_aside(database, claim.round, Role.QUARANTINED, reason, retired)


def give_up(database: sqlite3.Connection, now_round: int) -> None:
    """Quarantine what waited too long or was tried too often, and forget parcels of which nothing is left."""
    database.execute("DELETE FROM parcels WHERE NOT EXISTS (SELECT 1 FROM aside WHERE aside.parcel = parcels.parcel)")
    query = (
        "SELECT parcel FROM parcels WHERE role = 'suspect' AND"
        " (since < ? - ? OR tries >= ? OR parcel NOT IN"
        " (SELECT parcel FROM parcels WHERE role = 'suspect' ORDER BY parcel DESC LIMIT ?)) ORDER BY parcel"
    )
    for (parcel,) in database.execute(query, (now_round, ROUNDS_MAX, TRIES_MAX, SUSPECTS_MAX)).fetchall():
        quarantine(database, parcel, "nothing has confirmed it: a change must come in two windows")


def _forget(database: sqlite3.Connection, parcel: int) -> None:
    database.execute("DELETE FROM aside WHERE parcel = ?", (parcel,))
    database.execute("DELETE FROM parcels WHERE parcel = ?", (parcel,))
