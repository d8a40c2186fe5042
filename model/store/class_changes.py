"""What people decide about classes, as requests: `classes.merge`, `classes.retire`, `classes.admit`.

The network is not touched here. What it knows goes by names: before the next round its head loses the rows of classes
that left (`LearnerState.keep`), and the champion answers without them; the published file keeps its classes until the
next version. A rollback to a version from before a change undoes it, and one to a version from after it does it again.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping

from model.store import parcels, relabels, slots
from model.store.claims import label_number
from model.store.class_events import ASKED_MAX, ClassBook, Kind, note
from model.store.errors import RefusedRequestError
from model.store.facts import Role, StoreRules
from model.store.names import spelt_now
from model.store.pictures import is_held_out
from model.store.recollections import forget_answers
from model.store.renumbering import renumber, without
from model.store.requests import Handler, Request
from model.words import counted

KINDS = ("classes.merge", "classes.retire", "classes.admit")
CLASSES_MIN = 2
"""A model that knows fewer classes tells nothing apart."""


def class_handlers(rules: StoreRules) -> Mapping[str, Handler]:
    """Return what carries out the requests `classes.merge` {"from", "into"}, `.retire` and `.admit` {"name"}."""

    def check_open() -> None:
        if rules.closed_classes:
            raise RefusedRequestError("model.classes is a closed list: change it there, and start the learner anew")

    def merge(database: sqlite3.Connection, request: Request, now_ms: int) -> str:
        check_open()
        return _merge(database, _name(database, request, "from"), _name(database, request, "into"), now_ms)

    def retire(database: sqlite3.Connection, request: Request, now_ms: int) -> str:
        check_open()
        return _retire(database, _name(database, request, "name"), now_ms)

    def admit(database: sqlite3.Connection, request: Request, now_ms: int) -> str:
        check_open()
        return _admit(database, _name(database, request, "name"), now_ms)

    return dict(zip(KINDS, (merge, retire, admit), strict=True))


def _merge(database: sqlite3.Connection, name: str, into: str, now_ms: int) -> str:
    book = ClassBook(database)
    into = book.aliases().get(into, into)
    if into not in book.classes():
        raise RefusedRequestError(f"{into!r} is no class; the classes are {_some(book.classes())}")
    if name == into:
        raise RefusedRequestError(f"{name!r} is {into!r} already")
    index = _index(database, name)
    if not _is_known(database, book, name):
        raise RefusedRequestError(f"{name!r} is no class, nor does it wait, and nothing is stored of it")
    if index is not None:
        _check_left(book, name)
    event = _noted(database, Kind.MERGED, name, now_ms, target=into)
    if index is not None:
        _renumbered_without(database, name, index, into)
    moved = move_samples(database, event, name, into)
    stays = "" if index is None else "; the champion knows it until the next version"
    return f"{name!r} is {into!r} from now on: {counted(moved, 'sample has', 'samples have')} the new label{stays}"


def _retire(database: sqlite3.Connection, name: str, now_ms: int) -> str:
    book = ClassBook(database)
    index = _index(database, name)
    if name in book.retired():
        raise RefusedRequestError(f"{name!r} is retired already")
    if index is None and name not in book.waiting_pictures():
        raise RefusedRequestError(f"{name!r} is no class, nor does it wait; the classes are {_some(book.classes())}")
    if index is not None:
        _check_left(book, name)
    event = _noted(database, Kind.RETIRED, name, now_ms)
    if index is None:
        return f"{name!r} is no class and will not become one by itself"
    _renumbered_without(database, name, index, None)
    aside = quarantine(database, event, name)
    return (
        f"{name!r} is no class any more: {counted(aside, 'sample is', 'samples are')} quarantined; "
        "the champion knows it until the next version"
    )


def _admit(database: sqlite3.Connection, name: str, now_ms: int) -> str:
    book = ClassBook(database)
    if _index(database, name) is not None:
        raise RefusedRequestError(f"{name!r} is a class already")
    if name in book.admitted():
        raise RefusedRequestError(f"{name!r} is admitted already, and joins with the next window")
    if name not in {*book.waiting_pictures(), *book.retired(), *book.merges()}:
        waiting = _some(tuple(book.waiting_pictures()))
        raise RefusedRequestError(f"no picture waits under {name!r}; labels that wait: {waiting}")
    _noted(database, Kind.ADMITTED, name, now_ms)
    return f"{name!r} becomes a class with the next window that finds pictures of it"


def _name(database: sqlite3.Connection, request: Request, argument: str) -> str:
    """Return the label that an argument names: as it is stored, else as records spell it."""
    name = request.arguments.get(argument)
    if not isinstance(name, str) or not name.strip():
        raise RefusedRequestError(f"no name was given ({argument})")
    known = database.execute("SELECT 1 FROM labels WHERE name = ?", (name,)).fetchone()
    return name if known else spelt_now(name)


def _index(database: sqlite3.Connection, name: str) -> int | None:
    row = database.execute("SELECT class FROM labels WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def _is_known(database: sqlite3.Connection, book: ClassBook, name: str) -> bool:
    """Return whether anybody has ever sent or decided on the label, as far as is still known."""
    query = (
        "SELECT 1 FROM labels WHERE name = ?1 AND (class IS NOT NULL OR label IN (SELECT label FROM samples))"
        " UNION ALL SELECT 1 FROM relabels WHERE new = ?1"
    )
    return any(name == one.name for one in book.asked()) or database.execute(query, (name,)).fetchone() is not None


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(map(repr, names[:20])) or "none") + more


def _check_left(book: ClassBook, name: str) -> None:
    if len(book.classes()) - 1 < CLASSES_MIN:
        raise RefusedRequestError(f"without {name!r} there were fewer than {CLASSES_MIN} classes")
    known = book.known_to_champion()
    if known and len([one for one in known if one != name]) < CLASSES_MIN:
        raise RefusedRequestError(
            f"without {name!r} the champion knows fewer than {CLASSES_MIN} classes: ask again after the next version"
        )


def _noted(database: sqlite3.Connection, kind: Kind, name: str, now_ms: int, *, target: str | None = None) -> int:
    asked = database.execute("SELECT count(*) FROM class_events WHERE kind <> 'joined'").fetchone()[0]
    if asked >= ASKED_MAX:
        raise RefusedRequestError(f"{ASKED_MAX} labels were merged, retired or admitted: more are not kept")
    last = database.execute("SELECT coalesce(max(round), 0) FROM rounds").fetchone()[0]
    return note(database, kind, name, now_ms, target=target, round_number=last)


def _renumbered_without(database: sqlite3.Connection, name: str, index: int, into: str | None) -> None:
    """Take a class out of the head, those after it move up; what was noted under its index is now `into`'s, or gone."""
    count = database.execute("SELECT count(*) FROM labels WHERE class IS NOT NULL").fetchone()[0]
    places: list[int | None] = [place if place < index else place - 1 for place in range(count)]
    places[index] = None
    database.execute("UPDATE labels SET class = NULL, joined_round = NULL WHERE name = ?", (name,))
    for old in range(index + 1, count):  # upwards, so that no two have the same
        database.execute("UPDATE labels SET class = ? WHERE class = ?", (old - 1, old))
    if into is not None:
        places[index] = _index(database, into)
    renumber(database, places)
    without(database, index)


def move_samples(database: sqlite3.Connection, event: int, name: str, into: str) -> int:
    """Give all samples of one label another, noting what they had. Return how many."""
    label, target = label_number(database, name), label_number(database, into)
    groups: dict[Role, list[tuple[int, int | None, bytes]]] = defaultdict(list)
    query = "SELECT sample, role, slot, accepted, digest FROM samples WHERE label = ? ORDER BY sample"
    slotted: dict[Role, dict[int, int]] = defaultdict(dict)
    for sample, role, slot, accepted, digest in database.execute(query, (label,)).fetchall():
        groups[Role(role)].append((sample, accepted, digest))
        if slot is not None:
            slotted[Role(role)][sample] = slot
    for role, rows in groups.items():
        _note_moves(database, event, name, role, [sample for sample, _, _ in rows])
        forget_answers(database, [sample for sample, _, _ in rows])
        if role in slotted:
            slots.leave(database, label, role, slotted[role].values())
            enter(database, target, role, [(sample, accepted) for sample, accepted, _ in rows])
        elif role is Role.WAITING:
            _take_in(database, label, target, [(sample, digest) for sample, _, digest in rows])
        else:
            hand_over(database, label, target, role, [sample for sample, _, _ in rows])
    return sum(map(len, groups.values()))


def _take_in(database: sqlite3.Connection, label: int, target: int, waiting: list[tuple[int, bytes]]) -> None:
    """Let what waited under a label be held out and replayed under another, as if a person had released it."""
    share = database.execute("SELECT holdout_share FROM rounds ORDER BY round DESC LIMIT 1").fetchone()[0]
    slots.add_to_tally(database, label, Role.WAITING, -len(waiting))
    held = [sample for sample, digest in waiting if is_held_out(digest, share)]
    slots.enter(database, target, Role.HOLDOUT, held)
    slots.enter(database, target, Role.TRAIN, sorted({sample for sample, _ in waiting} - {*held}))


def enter(database: sqlite3.Connection, label: int, role: Role, samples: list[tuple[int, int | None]]) -> None:
    """Give samples, with the round that accepted each, slots under a label."""
    by_round: dict[int | None, list[int]] = defaultdict(list)
    for sample, accepted in samples:
        by_round[accepted].append(sample)
    for accepted, some in by_round.items():
        slots.enter(database, label, role, some, accepted)


def hand_over(database: sqlite3.Connection, label: int, target: int, role: Role, samples: list[int]) -> None:
    """Give samples that hold no slots another label."""
    slots.add_to_tally(database, label, role, -len(samples))
    slots.add_to_tally(database, target, role, len(samples))
    database.executemany("UPDATE samples SET label = ? WHERE sample = ?", [(target, one) for one in samples])


def quarantine(database: sqlite3.Connection, event: int, name: str) -> int:
    """Set aside what is stored of a class that leaves, as one parcel that can be released. Return how many."""
    label = label_number(database, name)
    members: list[parcels.Member] = []
    for role in (Role.HOLDOUT, Role.TRAIN):
        left = slots.clear(database, label, role, Role.QUARANTINED)
        _note_moves(database, event, name, role, left)
        members += [(sample, role, None) for sample in left]
    forget_answers(database, [sample for sample, _, _ in members])
    parcel = _free_parcel(database)
    if parcel is not None:
        parcels.set_aside(database, parcel, Role.QUARANTINED, why_retired(name), sorted(members))
    elif members:
        parcels.append(database, _shared_parcel(database), why_retired(name), sorted(members))
    return len(members)


def why_retired(name: str) -> str:
    """Return what a parcel says of a class that left."""
    return f"class {name!r} was retired"


def _free_parcel(database: sqlite3.Connection) -> int | None:
    """Return the newest round of which nothing is set aside, None where there is none."""
    query = "SELECT round FROM rounds WHERE round NOT IN (SELECT parcel FROM parcels) ORDER BY round DESC LIMIT 1"
    row = database.execute(query).fetchone()
    return int(row[0]) if row else None


def _shared_parcel(database: sqlite3.Connection) -> int:
    """Return the quarantined parcel that a retirement joins where something of every round is set aside.

    That of an earlier retirement, else the newest; where all are suspect the oldest, which is quarantined with it.
    """
    query = (
        "SELECT parcel, role, reason FROM parcels ORDER BY role = 'suspect',"
        " reason NOT LIKE '%class % was retired%', CASE role WHEN 'suspect' THEN parcel ELSE -parcel END LIMIT 1"
    )
    parcel, role, reason = database.execute(query).fetchone()
    if role == Role.SUSPECT:
        parcels.quarantine(database, parcel, reason)
        relabels.hold_orphans(database)
    return int(parcel)


def _note_moves(database: sqlite3.Connection, event: int, name: str, role: Role, samples: list[int]) -> None:
    rows = [(event, sample, name, role) for sample in samples]
    database.executemany("INSERT OR REPLACE INTO class_moves VALUES (?, ?, ?, ?)", rows)
