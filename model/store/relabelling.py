"""Gives stored pictures another label, and the old one back: at a commit, by hand, in a rollback.

All of it inside the caller's transaction.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from model.store import relabels, slots
from model.store.claims import label_number
from model.store.facts import Claim, Commit, Fate, Relabel, RelabelOutcome, Role, StoreRules
from model.store.pictures import is_held_out
from model.store.recollections import forget_answers

IN_USE = (Role.TRAIN, Role.HOLDOUT)
LEAST = 3
"""Pictures of a class, or of the holdout, that may always be relabelled: in a small class a few are a large share."""
ALL_SOURCES = 2
"""How many times what one source may is what all may together: names of sources cost nothing."""
REPEATS_MAX = 2
"""Times that a picture is relabelled between two looks: a correction, and one of that. Then a person decides."""


@dataclass(slots=True)
class Limits:
    """How much was relabelled since a person looked: out of each class, into each, and of the holdout."""

    database: sqlite3.Connection
    rules: StoreRules
    _used: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    """By (what, class, source); source None: all together."""
    _times: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        query = (
            "SELECT sample, old, new, relabels.source, role FROM relabels JOIN samples USING (sample)"
            " WHERE state = 'applied' AND by_hand = 0 AND relabel > ?"
        )
        for sample, old, new, source, role in self.database.execute(query, (relabels.looked(self.database),)):
            self._times[sample] += 1
            self._used.update(_claims_on(old, new, source, Role(role)))

    def refuses(self, one: Relabel) -> RelabelOutcome | None:
        """Return why a relabel must wait for a person, or None; then it counts."""
        if self._times[one.sample] >= REPEATS_MAX:
            return RelabelOutcome.REPEATED
        if one.role not in IN_USE:  # nothing is replayed, nor judged by it
            return None
        claims = _claims_on(one.old, one.new, one.source, one.role)
        if any(self._used[claim] >= self._allowed(*claim) for claim in claims):
            return RelabelOutcome.LIMIT
        self._times[one.sample] += 1
        self._used.update(claims)
        return None

    def _allowed(self, what: str, name: str, source: str | None) -> int:
        share = self.rules.relabel_holdout_max if what == "holdout" else self.rules.relabel_class_max
        gone = self._used[what, name, None] if what == "out" else 0  # a class is as large as it was at the look
        allowed = max(LEAST, ceil(share * (self._size(what, name) + gone))) if share else 0
        return allowed if source is not None else ALL_SOURCES * allowed

    def _size(self, what: str, name: str) -> int:
        if what == "holdout":
            query = "SELECT coalesce(sum(count), 0) FROM tallies WHERE role = 'holdout'"
            return int(self.database.execute(query).fetchone()[0])
        query = (
            "SELECT coalesce(sum(count), 0) FROM tallies JOIN labels USING (label)"
            " WHERE name = ? AND role IN ('train', 'holdout')"
        )
        return int(self.database.execute(query, (name,)).fetchone()[0])


def _claims_on(old: str, new: str, source: str, role: Role) -> list[tuple[str, str, str | None]]:
    """Return the limits that a relabel counts against."""
    if role not in IN_USE:
        return []
    whats = [("out", old), ("into", new), *([("holdout", "")] if role is Role.HOLDOUT else [])]
    return [(what, name, who) for what, name in whats for who in (source, None)]


def end(database: sqlite3.Connection, claim: Claim, commit: Commit, rules: StoreRules) -> None:
    """Write what becomes of the claim's relabels, before the samples of its window enter."""
    found = relabels.of_claim(database, claim)
    if not found:
        return
    if commit.fate is not Fate.ACCEPTED:
        for one in found:  # `relabels.hold_orphans` follows, once it is known whether the window is retried
            relabels.keep_aside(database, one, "suspect", RelabelOutcome.SUSPECT)
        return
    limits = Limits(database, rules)
    for one in found:
        why = (commit.relabels or {}).get(one.relabel)
        if one.new_class is None or one.new_class >= len(claim.classes):
            why = RelabelOutcome.UNKNOWN_LABEL
        elif why is None and commit.relabels is not None:
            why = limits.refuses(one)
        if why is None:
            apply(database, one, claim.holdout_share, claim.round)
        else:
            relabels.keep_aside(database, one, "held", why)


def release(database: sqlite3.Connection, number: int) -> tuple[int, int]:
    """Apply what a round's window relabelled, as a person wants it; return how many, and how many have no class yet."""
    found = relabels.waiting_of(database, number)
    last, share = database.execute(
        "SELECT round, holdout_share FROM rounds WHERE undone = 0 ORDER BY round DESC LIMIT 1"
    ).fetchone()
    ready = [one for one in found if one.new_class is not None]
    for one in ready:
        apply(database, one, share, last)
        database.execute("UPDATE relabels SET by_hand = 1 WHERE relabel = ?", (one.relabel,))
    return len(ready), len(found) - len(ready)


def apply(database: sqlite3.Connection, one: Relabel, share: float, number: int) -> None:
    """Give the picture its new label, which is a class, from round `number` on.

    What waited is taken in, held out with a chance of `share`. What is set aside stays so, under the new label.
    """
    query = "SELECT label, role, slot, accepted, digest, name FROM samples JOIN labels USING (label) WHERE sample = ?"
    old, role, slot, accepted, digest, name = database.execute(query, (one.sample,)).fetchone()
    label = label_number(database, one.new)
    _forget(database, one.sample)
    entered = slot is not None or role == Role.WAITING
    if slot is not None:
        slots.leave(database, old, Role(role), [slot])
        slots.enter(database, label, Role(role), [one.sample], number)
    elif entered:
        slots.add_to_tally(database, old, Role.WAITING, -1)
        becomes = Role.HOLDOUT if is_held_out(digest, share) else Role.TRAIN
        slots.enter(database, label, becomes, [one.sample], number)
    else:
        _rename(database, one.sample, Role(role), (old, label))
    database.execute(
        "UPDATE relabels SET state = 'applied', outcome = ?, applied = ?, accepted = ?, entered = ?, old = ?"
        " WHERE relabel = ?",
        (RelabelOutcome.APPLIED, number, accepted, entered, name, one.relabel),
    )


def _forget(database: sqlite3.Connection, sample: int) -> None:
    """Forget how a sample fared under its label, what was answered to it, and for whom it stands."""
    forget_answers(database, [sample])
    database.execute("DELETE FROM stand_ins WHERE sample = ?", (sample,))


def _rename(database: sqlite3.Connection, sample: int, role: Role, labels: tuple[int, int]) -> None:
    """Give a sample without a slot another label."""
    slots.add_to_tally(database, labels[0], role, -1)
    slots.add_to_tally(database, labels[1], role, 1)
    database.execute("UPDATE samples SET label = ? WHERE sample = ?", (labels[1], sample))


def undo(database: sqlite3.Connection) -> int:
    """Give back the labels from before rounds that a rollback has undone; return how many. The newest goes first.

    Before what these rounds accepted is set aside: a picture that was known before them stays in use.
    """
    query = (
        "SELECT relabel, sample, old, new, applied, relabels.accepted FROM relabels"
        " JOIN rounds ON rounds.round = applied WHERE relabels.state = 'applied' AND undone = 1 ORDER BY relabel DESC"
    )
    rows = database.execute(query).fetchall()
    for relabel, sample, old, new, applied, accepted in rows:
        database.execute("UPDATE relabels SET state = 'undone' WHERE relabel = ?", (relabel,))
        _exchange(database, sample, (new, old), (applied, accepted))
    return len(rows)


def redo(database: sqlite3.Connection) -> None:
    """Apply again what a rollback had undone, where its round counts again. Before what that accepted is taken in."""
    query = (
        "SELECT relabel, sample, old, new, applied, CASE WHEN entered THEN relabels.accepted ELSE -1 END FROM relabels"
        " JOIN rounds ON rounds.round = applied WHERE relabels.state = 'undone' AND undone = 0 ORDER BY relabel"
    )
    for relabel, sample, old, new, applied, accepted in database.execute(query).fetchall():
        database.execute("UPDATE relabels SET state = 'applied' WHERE relabel = ?", (relabel,))
        _exchange(database, sample, (old, new), (accepted, applied))


def _exchange(
    database: sqlite3.Connection, sample: int, names: tuple[str, str], accepted: tuple[int | None, int | None]
) -> None:
    """Give a sample that has the first label the second, and the second round as its `accepted` where it has the first.

    One whose `accepted` becomes null waited before, and waits again.
    """
    query = "SELECT label, name, role, slot, accepted FROM samples JOIN labels USING (label) WHERE sample = ?"
    now, name, role, slot, since = database.execute(query, (sample,)).fetchone()
    if name != names[0]:  # it has been given another one since, by hand
        return
    label = label_number(database, names[1])
    _forget(database, sample)
    becomes = accepted[1] if since == accepted[0] else since
    if slot is not None:
        slots.leave(database, now, Role(role), [slot])
        if becomes is not None:
            slots.enter(database, label, Role(role), [sample], becomes)
            return
        slots.add_to_tally(database, label, Role.WAITING, 1)
        database.execute(
            "UPDATE samples SET label = ?, role = 'waiting', accepted = NULL WHERE sample = ?", (label, sample)
        )
        return
    _rename(database, sample, Role(role), (now, label))
    database.execute("UPDATE samples SET accepted = ? WHERE sample = ?", (becomes, sample))
