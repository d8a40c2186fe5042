"""A rollback to a version from before a change of classes undoes it; one to a version from after it does it again."""

import sqlite3
from collections import defaultdict

from model.store import parcels, slots
from model.store.claims import label_number
from model.store.class_changes import enter, hand_over, move_samples, quarantine, why_retired
from model.store.class_events import ClassBook, ClassEvent, Kind
from model.store.facts import Role
from model.store.recollections import forget_answers


def changes_since(database: sqlite3.Connection, round_number: int) -> tuple[int, int]:
    """Return how many changes a rollback to the version of a round would undo, and how many it would do again."""
    past = _past(database, round_number)
    asked = _asked(database)
    undo = sum(not one.undone and one.event not in past for one in asked)
    return undo, sum(one.undone and one.event in past for one in asked)


def undo_changes(database: sqlite3.Connection, round_number: int) -> None:
    """Undo what was changed after a round's version, newest first, inside the transaction of the rollback to it."""
    past = _past(database, round_number)
    for one in reversed(_asked(database)):
        if not one.undone and one.event not in past:
            _undo(database, one)
            database.execute("UPDATE class_events SET undone = 1 WHERE event = ?", (one.event,))
    joined = "(SELECT undone FROM rounds WHERE rounds.round = class_events.round)"
    database.execute(f"UPDATE class_events SET undone = {joined} WHERE kind = 'joined'")  # noqa: S608 - a constant


def redo_changes(database: sqlite3.Connection, round_number: int) -> None:
    """Do again what was changed before a round's version, oldest first, once labels have that version's indexes."""
    past = _past(database, round_number)
    for one in _asked(database):
        if one.undone and one.event in past:
            if one.kind is Kind.MERGED and one.target is not None:
                move_samples(database, one.event, one.name, one.target)
            elif one.kind is Kind.RETIRED:
                quarantine(database, one.event, one.name)
            database.execute("UPDATE class_events SET undone = 0 WHERE event = ?", (one.event,))


def _asked(database: sqlite3.Connection) -> list[ClassEvent]:
    return ClassBook(database).asked()


def _past(database: sqlite3.Connection, round_number: int) -> set[int]:
    """Return the changes in the past of a round's version: those between the rounds that its weights come from.

    A rollback begins a stretch of rounds: what was changed before it, though no round lies between, is not of it.
    """
    cut = (
        "SELECT move, after_round, round FROM champions JOIN versions USING (version)"
        " WHERE cause = 'rollback' AND after_round < ? ORDER BY move DESC LIMIT 1"
    )
    stretches, until = [], round_number
    while row := database.execute(cut, (until,)).fetchone():
        stretches.append((row[0], row[1], until))
        until = row[2]  # of an earlier round, so this ends
    stretches.append((0, 0, until))
    return {
        one.event
        for one in _asked(database)
        if any(one.move >= move and after <= one.round < last for move, after, last in stretches)
    }


def _undo(database: sqlite3.Connection, one: ClassEvent) -> None:
    query = (
        "SELECT sample, class_moves.name, class_moves.role, labels.name, samples.role, slot, accepted"
        " FROM class_moves JOIN samples USING (sample) JOIN labels USING (label) WHERE event = ? ORDER BY sample"
    )
    rows = database.execute(query, (one.event,)).fetchall()
    if one.kind is Kind.MERGED and one.target is not None:
        # One that got yet another label since keeps it: a producer put it right. Should that be undone too, it gets
        # the label from before the merge.
        _give_back(database, one.target, [row for row in rows if row[3] == one.target])
        database.executemany(
            "UPDATE relabels SET old = ?1 WHERE sample = ?2 AND old = ?3 AND state = 'applied' AND applied > ?4",
            [(row[1], row[0], one.target, one.round) for row in rows if row[3] != one.target],
        )
    elif one.kind is Kind.RETIRED:
        _take_back(database, [row for row in rows if row[4] == Role.QUARANTINED and row[3] == row[1]])
    database.execute("DELETE FROM class_moves WHERE event = ?", (one.event,))


def _give_back(database: sqlite3.Connection, target: str, rows: list[tuple[int, str, str, str, str, int, int]]) -> None:
    """Give samples the label that they had before a merge; what waited then waits again."""
    merged = label_number(database, target)
    groups: dict[tuple[str, Role, Role], list[tuple[int, int, int]]] = defaultdict(list)
    for sample, name, was, _, now, slot, accepted in rows:
        groups[name, Role(was), Role(now)].append((sample, slot, accepted))
    forget_answers(database, [row[0] for row in rows])
    for (name, was, now), some in groups.items():
        label, keys = label_number(database, name), [sample for sample, _, _ in some]
        if now not in (Role.TRAIN, Role.HOLDOUT) or some[0][1] is None:
            hand_over(database, merged, label, now, keys)
            continue
        # A slot is filled with the last one: where each lies now is asked for again.
        places = [_slot(database, sample) for sample in keys]
        slots.leave(database, merged, now, places)
        if was is Role.WAITING:
            slots.add_to_tally(database, label, Role.WAITING, len(keys))
            waits = "UPDATE samples SET label = ?, role = 'waiting', accepted = NULL WHERE sample = ?"
            database.executemany(waits, [(label, sample) for sample in keys])
        else:
            enter(database, label, now, [(sample, accepted) for sample, _, accepted in some])


def _slot(database: sqlite3.Connection, sample: int) -> int:
    return int(database.execute("SELECT slot FROM samples WHERE sample = ?", (sample,)).fetchone()[0])


def _take_back(database: sqlite3.Connection, rows: list[tuple[int, str, str, str, str, int, int]]) -> None:
    """Take in again what was quarantined with a retired class, in the role that it had."""
    groups: dict[tuple[str, Role], list[tuple[int, int | None]]] = defaultdict(list)
    for sample, name, was, _, _, _, accepted in rows:
        groups[name, Role(was)].append((sample, accepted))
    shared: set[tuple[int, str]] = set()
    for (name, role), some in groups.items():
        label = label_number(database, name)
        slots.add_to_tally(database, label, Role.QUARANTINED, -len(some))
        enter(database, label, role, some)
        for sample, _ in some:
            left = database.execute("DELETE FROM aside WHERE sample = ? RETURNING parcel", (sample,)).fetchall()
            shared.update((parcel, name) for (parcel,) in left)
    for parcel, name in shared:
        parcels.take_reason_off(database, parcel, why_retired(name))
    database.execute("DELETE FROM parcels WHERE parcel NOT IN (SELECT parcel FROM aside)")
