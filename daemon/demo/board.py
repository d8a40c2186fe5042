"""What is known of the running demo. Threads write it, the screen and the end's account read it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.demo.plan import NEW_CLASSES, OLD_CLASSES
from model.publishing.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Scores:
    """Of each class, how many test pictures a version has right, of how many."""

    by_class: Mapping[str, tuple[int, int]]

    def accuracy(self, *classes: str) -> float:
        """Return the accuracy over these classes, over all where none is named."""
        counts = [self.by_class[name] for name in classes or self.by_class]
        return sum(right for right, _ in counts) / max(1, sum(of for _, of in counts))

    @property
    def overall(self) -> float:
        """The accuracy over all classes."""
        return self.accuracy()

    @property
    def old(self) -> float:
        """The accuracy on the digits that came first."""
        return self.accuracy(*OLD_CLASSES)

    @property
    def new(self) -> float:
        """The accuracy on the digits that came later."""
        return self.accuracy(*NEW_CLASSES)


@dataclass(frozen=True, slots=True)
class Measured:
    """A version that the follower pulled and put to the test. `at_s` is seconds since the demo's start."""

    version: int
    manifest: Manifest
    scores: Scores
    at_s: float


@dataclass(frozen=True, slots=True)
class View:
    """The demo at a moment."""

    phase: str = "starting"
    chapter: str = ""
    chapter_pictures: int = 0
    """Good pictures of this chapter, over all; 0 where it has no end."""
    chapter_sent: int = 0
    """Of those, how many are sent."""
    sent: int = 0
    """Good pictures sent, over all chapters."""
    waiting: bool = False
    """Whether the producer waits for the learner."""
    spoilt: Mapping[str, int] = field(default_factory=dict)
    """Broken records sent, by the reason that must become of them."""
    dead: Mapping[str, int] = field(default_factory=dict)
    """Dead letters read back from Kafka, by their reason."""
    learner: Mapping[str, Any] = field(default_factory=dict)
    """The newest answer of the learner's /status."""
    versions: tuple[Measured, ...] = ()
    champion: int | None = None
    """The champion as `tidemill serve` names it."""
    complete: bool = False
    """Whether the whole story was told and every promise was kept then."""
    notices: tuple[str, ...] = ()
    """What people must be told, oldest first."""

    @property
    def stored(self) -> int:
        """Pictures that the learner has taken in, whatever for."""
        return sum(self.learner.get("store", {}).values())

    @property
    def buffered(self) -> int:
        """Entries that wait in Redis."""
        return int(self.learner.get("buffer", {}).get("samples", 0))

    @property
    def in_round(self) -> bool:
        """Whether the learner is in the middle of a round."""
        return self.learner.get("round") is not None

    @property
    def idle(self) -> bool:
        """Whether all that was sent is learnt, judged, served, pulled and tested, and all dead letters are counted."""
        measured = bool(self.versions) and self.versions[-1].version == self.champion
        counted = sum(self.dead.values()) >= sum(self.spoilt.values())
        learnt = self.stored >= self.sent and not self.buffered and not self.in_round
        return learnt and measured and counted


class Board:
    """Holds the view; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._view = View()

    def view(self) -> View:
        """Return the demo as it stands."""
        with self._lock:
            return self._view

    def put(self, **changes: Any) -> None:
        """Replace fields of the view."""
        with self._lock:
            self._view = replace(self._view, **changes)

    def sent(self) -> None:
        """Count a good picture."""
        with self._lock:
            view = self._view
            self._view = replace(view, sent=view.sent + 1, chapter_sent=view.chapter_sent + 1)

    def spoilt(self, reason: str) -> None:
        """Count a broken record."""
        with self._lock:
            self._view = replace(self._view, spoilt=_counted(self._view.spoilt, reason))

    def dead(self, reason: str) -> None:
        """Count a dead letter."""
        with self._lock:
            self._view = replace(self._view, dead=_counted(self._view.dead, reason))

    def measured(self, version: Measured) -> None:
        """Note a version that was put to the test."""
        with self._lock:
            known = {one.version: one for one in (*self._view.versions, version)}
            self._view = replace(self._view, versions=tuple(known[number] for number in sorted(known)))

    def notice(self, text: str) -> None:
        """Note what people must be told."""
        with self._lock:
            self._view = replace(self._view, notices=(*self._view.notices, text))


def _counted(counts: Mapping[str, int], key: str) -> Mapping[str, int]:
    return {**counts, key: counts.get(key, 0) + 1}
