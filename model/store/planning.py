"""Decides what each record of a window is, before anything is written. Pure: the same window, the same plan."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from model.store.class_events import held_back
from model.store.errors import BrokenChainError
from model.store.facts import ClaimedSpan, Role, StoreRules
from model.store.pictures import is_held_out, picture_digest
from model.window import LogKey, Window


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture that the store has already."""

    sample: int
    label: str


WINDOWS_MIN = 2
"""Windows that must carry a new label once there is a champion: a producer's one bad batch makes no class."""


@dataclass(frozen=True, slots=True)
class Waited:
    """What accepted windows have left waiting under a label: distinct pictures, and the windows they came in."""

    pictures: int = 0
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What the plan asks the store."""

    stored: Callable[[bytes], Stored | None]
    """Finds a picture by its digest."""
    waited: Callable[[str], Waited]
    classes: tuple[str, ...]
    founding: bool
    """No champion yet: one window may make classes, so that the first version need not wait for a second."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Labels that mean another: merged ones, and new spellings of old ones."""
    retired: frozenset[str] = frozenset()
    """Labels that wait until a person admits them."""
    admitted: tuple[str, ...] = ()
    """Labels that join at once, however few carry them and whatever they are near to."""
    waiting: Callable[[], Mapping[str, int]] = dict
    """Returns the pictures of each label that waits."""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A picture to store: `index` is its place in the window."""

    index: int
    digest: bytes
    label: str
    role: Role


@dataclass(frozen=True, slots=True)
class Plan:
    """What the claim will write."""

    rows: tuple[PlannedRow, ...]
    joined: tuple[str, ...]
    relabels: Mapping[int, str]
    """Stored sample to the label that the window gives it."""
    spans: tuple[ClaimedSpan, ...]
    given: Mapping[int, int]
    """Stored sample to the place in the window of the record that gives it this label."""
    overruled: tuple[tuple[int, int, str], ...]
    """(place of the row, place of the record whose label counts, label of the first record): new pictures that came
    under several labels."""


def check_chain(window: Window, positions: Mapping[LogKey, int]) -> None:
    """Raise BrokenChainError unless the window continues from the positions and its arrivals lie in its spans."""
    spans = {span.log: span for span in window.spans}
    if len(spans) != len(window.spans):
        raise BrokenChainError("a log has two spans in one window")
    for span in window.spans:
        position = positions.get(span.log, span.start)
        if span.start != position or span.end <= span.start:
            where = f"{span.log.topic}/{span.log.partition}"
            raise BrokenChainError(f"{where}: the window is [{span.start}, {span.end}), the position is {position}")
    places = [(arrival.log, arrival.offset) for arrival in window.arrivals]
    if any(later <= earlier for earlier, later in pairwise(places)):
        raise BrokenChainError("the window's samples are not in the order of log and offset")
    for log, offset in places:
        if log not in spans or not spans[log].start <= offset < spans[log].end:
            raise BrokenChainError(f"{log.topic}/{log.partition}: offset {offset} lies outside of the window's ranges")
    if len(window.pixels_NHWC) != len(places):
        raise BrokenChainError(f"{len(places)} samples, but pixels of {len(window.pixels_NHWC)}")


def plan(window: Window, known: Known, rules: StoreRules, share: float) -> Plan:
    """Give each record its role, in this order: a picture met before, one of an unknown class, held out, training.

    A picture that comes twice in the window is stored once, at its first place, under its last label. `share` of new
    pictures is held out.
    """
    window = _as_meant(window, known.aliases)
    digests = [picture_digest(pixels) for pixels in window.pixels_NHWC]
    last_label = {digest: arrival.label for digest, arrival in zip(digests, window.arrivals, strict=True)}
    first_index = {digest: index for index, digest in reversed(list(enumerate(digests)))}
    stored = {digest: known.stored(digest) for digest in last_label}
    new = sorted(index for digest, index in first_index.items() if stored[digest] is None)
    joined = _joining([last_label[digests[index]] for index in new], known, rules)
    accepted = {*known.classes, *joined}
    rows = tuple(_row(index, digests[index], last_label[digests[index]], accepted, share) for index in new)
    relabels = {
        one.sample: last_label[digest] for digest, one in stored.items() if one and one.label != last_label[digest]
    }
    last_index = {digest: index for index, digest in enumerate(digests)}
    given = {one.sample: last_index[digest] for digest, one in stored.items() if one and one.sample in relabels}
    overruled = tuple(
        (row.index, last_index[row.digest], window.arrivals[row.index].label)
        for row in rows
        if window.arrivals[row.index].label != row.label
    )
    return Plan(rows, joined, relabels, _spans(window, rows, given.values()), given, overruled)


def _row(index: int, digest: bytes, label: str, classes: set[str], share: float) -> PlannedRow:
    if label not in classes:
        return PlannedRow(index, digest, label, Role.WAITING)
    return PlannedRow(index, digest, label, Role.HOLDOUT if is_held_out(digest, share) else Role.TRAIN)


def _joining(labels: Sequence[str], known: Known, rules: StoreRules) -> tuple[str, ...]:
    """Return the labels that become classes now, in the order in which they get their index.

    `labels`: one for each new picture. A label that is seen too seldom waits, for it may be misspelt.
    """
    if rules.closed_classes:
        listed = dict.fromkeys(known.aliases.get(name, name) for name in rules.closed_classes)
        return tuple(name for name in listed if name not in known.classes)
    room = max(0, rules.classes_max - len(known.classes))
    arrived = Counter(name for name in labels if name not in known.classes)
    ripe = {
        name: count + known.waited(name).pictures
        for name, count in arrived.items()
        if _is_ripe(name, count, known, rules)
    }
    held = held_back(ripe, known.classes, lambda: Counter(known.waiting()) + arrived, known.retired)
    called = [name for name in known.admitted if name not in known.classes]
    asked_for = [name for name in called if name in arrived or known.waited(name).pictures]
    return tuple(islice(dict.fromkeys([*(name for name in ripe if name not in held), *asked_for]), room))


def _is_ripe(name: str, arrived: int, known: Known, rules: StoreRules) -> bool:
    """Tell whether a label that `arrived` new pictures of this window carry has been seen often enough."""
    if name in known.retired or name in known.admitted:
        return False  # a person has said what becomes of it
    if rules.class_min_samples == 1:
        return True
    waited = known.waited(name)
    often = waited.pictures + arrived >= rules.class_min_samples
    return often and (known.founding or waited.windows + 1 >= WINDOWS_MIN)


def _as_meant(window: Window, aliases: Mapping[str, str]) -> Window:
    """Return the window with the labels that its labels mean."""
    if not any(arrival.label in aliases for arrival in window.arrivals):
        return window
    meant = (replace(arrival, label=aliases.get(arrival.label, arrival.label)) for arrival in window.arrivals)
    return replace(window, arrivals=tuple(meant))


def _spans(window: Window, rows: Sequence[PlannedRow], relabelling: Iterable[int]) -> tuple[ClaimedSpan, ...]:
    """Count the records of each span. `relabelling`: the places of records that give a stored picture another label."""
    arrived = Counter(arrival.log for arrival in window.arrivals)
    relabelled = Counter(window.arrivals[index].log for index in relabelling)
    kept = Counter((window.arrivals[row.index].log, row.role) for row in rows)
    spans = []
    for span in window.spans:
        trained, holdout, waiting = (kept[span.log, role] for role in (Role.TRAIN, Role.HOLDOUT, Role.WAITING))
        spans.append(
            ClaimedSpan(
                log=span.log,
                start=span.start,
                end=span.end,
                trained=trained,
                holdout=holdout,
                dead_lettered=span.dead_lettered,
                expired=span.expired,
                duplicate=arrived[span.log] - trained - holdout - waiting,
                waiting=waiting,
                suspect=0,
                relabelled=relabelled[span.log],
            )
        )
        records = arrived[span.log] + span.dead_lettered + span.expired
        if records > span.end - span.start:
            where = f"{span.log.topic}/{span.log.partition}"
            raise BrokenChainError(f"{where}: {records} records in the range [{span.start}, {span.end})")
    return tuple(spans)
