"""What became of labels, in order: which classes joined, and what people had merged, retired and admitted.

An event that a rollback went to before is `undone`; of the others the last one of a label holds.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from model.store.facts import Claim, Json
from model.store.names import NearNames, spelt_now

SOURCES_MAX = 5
"""Producers that an event names."""
NEAR_MAX = 1_000
"""Waiting labels, those with most pictures, of which it is told what they are near to."""
JOINED_KEPT = 10_000
"""Newest classes whose joining is kept."""
ASKED_MAX = 10_000
"""Merged, retired and admitted labels: none of them is ever forgotten."""

COLUMNS = "event, kind, name, target, round, move, pictures, windows, sources, happened_at, undone"


class Kind(StrEnum):
    """What happened to a label."""

    JOINED = "joined"
    MERGED = "merged"
    RETIRED = "retired"
    ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class ClassEvent:
    """One entry."""

    event: int
    kind: Kind
    name: str
    target: str | None
    """The class that it is merged into."""
    round: int
    """The round that a class joined with; else the last committed one then."""
    move: int
    """The last move of the champion pointer then; 0: none."""
    pictures: int
    """Distinct pictures that were stored under the label then."""
    windows: int
    """In how many windows they came."""
    sources: Mapping[str, int]
    """The producers with the most of them."""
    happened_at_ms: int
    undone: bool


@dataclass(frozen=True)
class Waiting:
    """A label that is no class, and why: to what class or label it is near, or that a person retired it."""

    label: str
    pictures: int
    windows: int
    near: str | None
    """The class, or the label with more pictures, that it is near to; None: none, or a person has decided."""
    retired: bool
    admitted: bool


class ClassBook:
    """Reads what is known of labels. The rules follow from the events: which label means which, and what may join."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def events(self, after: int = 0, limit: int = 1_000) -> list[ClassEvent]:
        """Return up to `limit` events above `after`, oldest first."""
        query = f"SELECT {COLUMNS} FROM class_events WHERE event > ? ORDER BY event LIMIT ?"  # noqa: S608 - a constant
        return [_event(row) for row in self._database.execute(query, (after, limit))]

    def newest_events(self, limit: int) -> list[ClassEvent]:
        """Return the newest events, oldest first."""
        query = f"SELECT {COLUMNS} FROM class_events ORDER BY event DESC LIMIT ?"  # noqa: S608 - a constant
        return [_event(row) for row in reversed(self._database.execute(query, (limit,)).fetchall())]

    def joined_rounds(self) -> dict[str, int]:
        """Return the round that each class joined with."""
        return dict(self._database.execute("SELECT name, joined_round FROM labels WHERE class IS NOT NULL").fetchall())

    def asked(self) -> list[ClassEvent]:
        """Return what people asked for, undone or not, oldest first."""
        query = f"SELECT {COLUMNS} FROM class_events WHERE kind <> 'joined' ORDER BY event"  # noqa: S608 - a constant
        return [_event(row) for row in self._database.execute(query)]

    def last_event_before(self, round_number: int) -> int:
        """Return the last event of the rounds before one; 0 where there is none."""
        query = "SELECT coalesce(max(event), 0) FROM class_events WHERE round < ?"
        return int(self._database.execute(query, (round_number,)).fetchone()[0])

    def classes(self) -> tuple[str, ...]:
        """Return the class names in the order of the head."""
        rows = self._database.execute("SELECT name FROM labels WHERE class IS NOT NULL ORDER BY class")
        return tuple(row[0] for row in rows)

    def known_to_champion(self) -> tuple[str, ...]:
        """Return the classes that the champion knows and that still are some: the first of the head."""
        query = (
            "SELECT name FROM labels WHERE class < (SELECT classes FROM champions JOIN versions USING (version)"
            " JOIN rounds USING (round) ORDER BY move DESC LIMIT 1) ORDER BY class"
        )
        return tuple(row[0] for row in self._database.execute(query))

    def counts(self) -> dict[str, int]:
        """Return how many classes there are, how many labels wait, and how many were merged or retired."""
        waiting = "SELECT count(*) FROM tallies WHERE role = 'waiting' AND count > 0"
        kinds = [one.kind for one in self._rules.values()]
        return {
            "class": len(self.classes()),
            "waiting": int(self._database.execute(waiting).fetchone()[0]),
            "merged": kinds.count(Kind.MERGED),
            "retired": kinds.count(Kind.RETIRED),
        }

    def aliases(self) -> dict[str, str]:
        """Return the labels that are taken as another, and as which: those merged, and those spelt as of old."""
        merged = {name: self._end_of(name) for name, one in self._rules.items() if one.kind is Kind.MERGED}
        named = {*self.classes(), *self.waiting_pictures()}
        old = {spelt_now(name): name for name in sorted(named) if spelt_now(name) not in named}
        return {**{name: merged.get(other, other) for name, other in old.items()}, **merged}

    def retired(self) -> frozenset[str]:
        """Return the labels that do not join by themselves."""
        return frozenset(name for name, one in self._rules.items() if one.kind is Kind.RETIRED)

    def admitted(self) -> tuple[str, ...]:
        """Return the labels that join whatever they are near to and however few pictures carry them, oldest first."""
        return tuple(name for name, one in self._rules.items() if one.kind is Kind.ADMITTED)

    def merges(self) -> dict[str, int]:
        """Return the event of each label that is merged."""
        return {name: one.event for name, one in self._rules.items() if one.kind is Kind.MERGED}

    def waiting_pictures(self) -> dict[str, int]:
        """Return the distinct pictures of each label that waits."""
        query = "SELECT name, count FROM tallies JOIN labels USING (label) WHERE role = 'waiting' AND count > 0"
        return dict(self._database.execute(query).fetchall())

    def waiting(self) -> list[Waiting]:
        """Return the labels that samples of committed rounds wait under, those with most pictures first."""
        query = (
            "SELECT name, count, (SELECT count(DISTINCT samples.round) FROM samples JOIN rounds USING (round)"
            " WHERE samples.label = tallies.label AND samples.role = 'waiting' AND outcome IS NOT NULL)"
            " FROM tallies JOIN labels USING (label) WHERE role = 'waiting' AND count > 0 ORDER BY count DESC, name"
        )
        retired, admitted, near = self.retired(), {*self.admitted()}, self.near()
        return [
            Waiting(name, pictures, windows, near.get(name), name in retired, name in admitted)
            for name, pictures, windows in self._database.execute(query).fetchall()
        ]

    def near(self) -> dict[str, str]:
        """Return the labels that wait for a person, and to which class or label with more pictures each is near."""
        retired, admitted = self.retired(), {*self.admitted()}
        known, found = NearNames(self.classes()), {}
        most = sorted(self.waiting_pictures().items(), key=lambda one: (-one[1], one[0]))[:NEAR_MAX]
        for name, _ in most:
            if name in retired:
                continue
            other = None if name in admitted else known.near(name)
            if other is not None:
                found[name] = other
            known.add(name)
        return found

    @cached_property
    def _rules(self) -> dict[str, ClassEvent]:
        """The last event of each label that a person asked for and no rollback undid, oldest first."""
        rules: dict[str, ClassEvent] = {}
        for one in self.asked():
            if not one.undone:
                rules.pop(one.name, None)
                rules[one.name] = one
        return rules

    def _end_of(self, name: str) -> str:
        seen = {name}
        while (one := self._rules.get(name)) is not None and one.target is not None and one.target not in seen:
            name = one.target
            seen.add(name)
        return name


def facts_of_round(database: sqlite3.Connection, number: int) -> Json:
    """Return `{"class_events": …}`, what people had merged, retired and admitted between a round and the one before.

    Nothing where nothing was asked for, as before nearly all rounds.
    """
    query = (
        "SELECT kind, name, target, undone FROM class_events WHERE kind <> 'joined' AND round = ? - 1 ORDER BY event"
    )
    found = [
        {
            "event": f"class {kind}",
            "name": name,
            **({} if target is None else {"into": target}),
            **({"undone": True} if undone else {}),
        }
        for kind, name, target, undone in database.execute(query, (number,))
    ]
    return {"class_events": found} if found else {}


def held_back(
    ripe: Mapping[str, int], classes: Iterable[str], waiting: Callable[[], Mapping[str, int]], retired: frozenset[str]
) -> dict[str, str]:
    """Return the labels that are `ripe` (to their pictures) and near to another, to which: a person decides.

    Of two new ones that are near to one another the one with more pictures joins, the other waits: a first version
    need not wait for anybody. `waiting`: returns the pictures of labels that are no class, ripe or not.
    """
    if not ripe:
        return {}
    known, held = NearNames(classes), {}
    least = min(ripe.values())
    others = {
        name: count for name, count in waiting().items() if count >= least and name not in ripe and name not in retired
    }
    # Stable: of as many pictures the one that came first goes first.
    for name, _ in sorted({**ripe, **others}.items(), key=lambda one: -one[1]):
        near = known.near(name)
        if near is not None and name in ripe:
            held[name] = near
        if near is None or name in others:
            known.add(name)
    return held


def note(
    database: sqlite3.Connection, kind: Kind, name: str, now_ms: int, *, target: str | None = None, round_number: int
) -> int:
    """Write an event, inside the caller's transaction, with what is stored under the label; return its number."""
    pictures, windows = database.execute(
        "SELECT count(*), count(DISTINCT round) FROM samples JOIN labels USING (label) WHERE name = ?", (name,)
    ).fetchone()
    sources = database.execute(
        "SELECT source, count(*) FROM samples JOIN labels USING (label) WHERE name = ?"
        " GROUP BY source ORDER BY count(*) DESC, source LIMIT ?",
        (name, SOURCES_MAX),
    ).fetchall()
    written = database.execute(
        "INSERT INTO class_events (kind, name, target, round, move, pictures, windows, sources, happened_at)"
        " VALUES (?, ?, ?, ?, (SELECT coalesce(max(move), 0) FROM champions), ?, ?, ?, ?) RETURNING event",
        (kind, name, target, round_number, pictures, windows, json.dumps(dict(sources)), now_ms),
    )
    return int(written.fetchone()[0])


def note_joined(database: sqlite3.Connection, claim: Claim, now_ms: int) -> None:
    """Write down the classes that join with a round whose window is accepted, in the transaction of its commit."""
    for name in claim.joined:
        note(database, Kind.JOINED, name, now_ms, round_number=claim.round)
    if claim.joined:
        kept = "SELECT event FROM class_events WHERE kind = 'joined' ORDER BY event DESC LIMIT 1 OFFSET ?"
        database.execute(f"DELETE FROM class_events WHERE kind = 'joined' AND event <= ({kept})", (JOINED_KEPT,))  # noqa: S608 - a constant


def _event(row: tuple[int, str, str, str | None, int, int, int, int, str, int, int]) -> ClassEvent:
    event, kind, name, target, number, move, pictures, windows, sources, happened_at, undone = row
    known = json.loads(sources)
    return ClassEvent(event, Kind(kind), name, target, number, move, pictures, windows, known, happened_at, undone == 1)
