"""A rollback: an earlier version becomes champion again, and what was learnt since is set aside. One transaction."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from model.store import budgets, champions, parcels, relabelling, slots
from model.store.class_undoing import changes_since, redo_changes, undo_changes
from model.store.errors import RefusedRequestError
from model.store.facts import Json, Role
from model.store.pictures import is_held_out
from model.store.recollections import forget_answers
from model.store.renumbering import places_of, renumber
from model.store.requests import Handler, Request
from model.store.retention import restorable
from model.words import counted

KIND = "rollback"


@dataclass(frozen=True, slots=True)
class Target:
    """The version to return to."""

    version: int
    round: int
    manifest: Json


def rollback_handler(why_not: Callable[[Json], str]) -> Handler:
    """Return what carries out the request `rollback` {"version": v}.

    `why_not` says, of a version's manifest, why the version cannot be served any more; empty when it can.
    """

    def roll_back(database: sqlite3.Connection, request: Request, now_ms: int) -> str:
        target = _target(database, request.arguments.get("version"))
        champion = database.execute("SELECT version FROM champions ORDER BY move DESC LIMIT 1").fetchone()
        if champion[0] == target.version and not any(changes_since(database, target.round)):
            return f"version {target.version} is champion already: nothing was changed"
        if why := why_not(target.manifest):
            raise RefusedRequestError(f"version {target.version} cannot be served any more: {why}")
        changes = changes_since(database, target.round)
        aside = write_rollback(database, target, now_ms)
        return f"version {target.version} is champion again, after {champion[0]}; {_since(aside, *changes)}"

    return roll_back


def _since(aside: int, undone: int, redone: int) -> str:
    """Return what became of what was learnt, and decided about classes, since a version."""
    told = [counted(aside, "sample learnt since is", "samples learnt since are") + " set aside" if aside else ""]
    told += [counted(undone, "change of classes is", "changes of classes are") + " undone" if undone else ""]
    told += [counted(redone, "change of classes is", "changes of classes are") + " done again" if redone else ""]
    return "; ".join(one for one in told if one) or "nothing was learnt since"


def _target(database: sqlite3.Connection, number: object) -> Target:
    """Return a version that one can return to. Raises RefusedRequestError that names those one can."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise RefusedRequestError("no version was named: {'version': 7} would be right")
    kept = restorable(database)
    query = "SELECT round, manifest, retired_at FROM versions WHERE version = ? AND published_at IS NOT NULL"
    row = database.execute(query, (number,)).fetchone()
    can = f"one can roll back to {', '.join(map(str, kept))}" if kept else "none was published yet"
    if row is None:
        raise RefusedRequestError(f"there is no version {number}: {can}")
    if row[2] is not None:
        raise RefusedRequestError(f"version {number} is retired, its files are gone (publish.keep): {can}")
    if number not in kept:
        raise RefusedRequestError(f"the weights of version {number} are gone (store.versions_kept): {can}")
    return Target(number, row[0], json.loads(row[1]))


def learnt_rounds(database: sqlite3.Connection, until: int) -> list[tuple[int, int]]:
    """Return the ranges (after, last] of rounds that the weights of round `until` come from, newest first.

    A rollback cuts off the rounds between its version's and itself; they count again for whoever returns to them.
    """
    query = (
        "SELECT after_round, round FROM champions JOIN versions USING (version)"
        " WHERE cause = 'rollback' AND after_round < ? ORDER BY move DESC LIMIT 1"
    )
    ranges: list[tuple[int, int]] = []
    while cut := database.execute(query, (until,)).fetchone():
        ranges.append((cut[0], until))
        until = cut[1]  # of an earlier round, so this ends
    return [*ranges, (0, until)]


def write_rollback(database: sqlite3.Connection, target: Target, now_ms: int) -> int:
    """Make a version champion, inside the caller's transaction; return how many samples that sets aside.

    No claim is open. The repository's pointer follows: until it has, the move is not settled.
    """
    database.execute("UPDATE rounds SET undone = 1")
    database.executemany(
        "UPDATE rounds SET undone = 0 WHERE round > ? AND round <= ?", learnt_rounds(database, target.round)
    )
    undo_changes(database, target.round)
    _set_classes(database, target)
    # Each in the order in which it happened: a picture may have been relabelled, and its new class merged since.
    relabelling.undo(database)
    relabelling.redo(database)
    redo_changes(database, target.round)
    aside = _set_aside(database, f"learnt after version {target.version}, which was rolled back to")
    _restore(database)
    champions.move(database, target.version, "rollback", now_ms, settled=False)
    return aside


def _set_classes(database: sqlite3.Connection, target: Target) -> None:
    """Give the labels the indexes that they have in the version's head: later classes leave, those it had come back."""
    names: list[str] = target.manifest["classes"]
    query = "SELECT name FROM labels WHERE class IS NOT NULL ORDER BY class"
    known = [row[0] for row in database.execute(query)]
    if all(old == new for old, new in zip(known, names, strict=False)):
        _forget_classes(database, names)
    else:  # a class had left the middle of the head, or comes back there
        renumber(database, places_of(known, names))
    database.execute("UPDATE rounds SET classes = ? WHERE round = ?", (len(names), target.round))
    joined = dict(database.execute("SELECT name, joined_round FROM labels WHERE class IS NOT NULL").fetchall())
    database.execute("UPDATE labels SET class = NULL, joined_round = NULL")
    database.executemany(
        "INSERT INTO labels (name, class, joined_round) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (name) DO UPDATE SET class = ?2, joined_round = ?3",
        [(name, index, joined.get(name, target.round)) for index, name in enumerate(names)],
    )


def _forget_classes(database: sqlite3.Connection, names: list[str]) -> None:
    """Drop what was noted under the indexes of classes that leave: the next class to join gets the same ones."""
    same = len(names)
    database.execute("UPDATE margins SET said = NULL WHERE said >= ?", (same,))
    if budget := budgets.read(database):
        saved, error, errors = budget
        budgets.write(database, (saved, error, errors[:same]))


def _set_aside(database: sqlite3.Connection, reason: str) -> int:
    """Set aside what undone rounds accepted, each window a parcel. What is of no class now, and had waited, waits."""
    groups: dict[tuple[int, Role], list[tuple[int, int | None]]] = defaultdict(list)
    query = (
        "SELECT label, role, slot, samples.round, class IS NULL AND NOT taken.undone"
        " FROM rounds JOIN samples ON accepted = rounds.round JOIN labels USING (label)"
        " JOIN rounds AS taken ON taken.round = samples.round WHERE rounds.undone = 1 AND slot IS NOT NULL"
    )
    for label, role, slot, taken, waits in database.execute(query):
        groups[label, Role(role)].append((slot, None if waits else taken))
    members: dict[int, list[parcels.Member]] = defaultdict(list)
    for (label, role), found in groups.items():
        found.sort(key=lambda one: one[0], reverse=True)
        left = slots.leave(database, label, role, [slot for slot, _ in found])
        forget_answers(database, left)
        waiting = [sample for sample, (_, parcel) in zip(left, found, strict=True) if parcel is None]
        _give_role(database, Role.WAITING, dict.fromkeys(waiting, label))
        for sample, (_, parcel) in zip(left, found, strict=True):
            if parcel is not None:
                members[parcel].append((sample, role, None))
    for parcel, some in sorted(members.items()):
        _add_to_parcel(database, parcel, reason, sorted(some))
    return sum(map(len, groups.values()))


def _add_to_parcel(database: sqlite3.Connection, parcel: int, reason: str, members: list[parcels.Member]) -> None:
    """Make the samples a suspect parcel; where a part of that window is in quarantine, they join it there."""
    row = database.execute("SELECT role FROM parcels WHERE parcel = ?", (parcel,)).fetchone()
    role = Role(row[0]) if row else Role.SUSPECT
    labels = {
        sample: database.execute("SELECT label FROM samples WHERE sample = ?", (sample,)).fetchone()[0]
        for sample, _, _ in members
    }
    _give_role(database, role, labels)
    parcels.set_aside(database, parcel, role, reason, members)
    # A person has judged them: to retry them at once would undo the rollback by itself. As after both tries in vain.
    tried = "UPDATE parcels SET tries = 2, tried = (SELECT max(round) FROM rounds) WHERE parcel = ?"
    database.execute(tried, (parcel,))


def _give_role(database: sqlite3.Connection, role: Role, samples: dict[int, int]) -> None:
    """Give samples that left their slots a role without slots; `samples` to their labels."""
    database.executemany("UPDATE samples SET role = ? WHERE sample = ?", [(role, sample) for sample in samples])
    for label, count in Counter(samples.values()).items():
        slots.add_to_tally(database, label, role, count)


def _restore(database: sqlite3.Connection) -> None:
    """Take in again what this version has learnt and an earlier rollback set aside, in the role that it had."""
    groups: dict[tuple[int, Role, Role, int], list[int]] = defaultdict(list)
    query = (
        "SELECT label, samples.role, was, sample, accepted, samples.digest, holdout_share"
        " FROM samples JOIN rounds ON rounds.round = accepted JOIN labels USING (label) LEFT JOIN aside USING (sample)"
        " WHERE slot IS NULL AND samples.role IN ('suspect', 'waiting') AND undone = 0 AND class IS NOT NULL"
        " ORDER BY sample"
    )
    for label, now, was, sample, accepted, digest, share in database.execute(query).fetchall():
        # What waits is in no parcel; it was admitted by its digest.
        role = Role(was) if was else (Role.HOLDOUT if is_held_out(digest, share) else Role.TRAIN)
        groups[label, Role(now), role, accepted].append(sample)
    for (label, now, role, accepted), found in groups.items():
        slots.add_to_tally(database, label, now, -len(found))
        slots.enter(database, label, role, found, accepted)
        database.executemany("DELETE FROM aside WHERE sample = ?", [(sample,) for sample in found])
    database.execute("DELETE FROM parcels WHERE parcel NOT IN (SELECT parcel FROM aside)")
