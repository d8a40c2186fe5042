"""Tells of classes that join, merge and leave: a log line each, and how many there are of each kind."""

import structlog

from daemon.learn.observer import LearnObserver
from model.store.directory import StateDirectory

log = structlog.get_logger()


class ClassNews:
    """Follows the events of the state. After a restart those of the last round are told again, for a crash hid some."""

    def __init__(self, directory: StateDirectory, observer: LearnObserver) -> None:
        self._directory = directory
        self._observer = observer
        ledger = directory.ledger
        self._told = ledger.book().last_event_before(ledger.last_round())
        self._near = 0
        self._near_of: tuple[object, ...] = ()

    def tell(self) -> None:
        """Tell what has happened since the last time."""
        book = self._directory.ledger.book()
        while events := book.events(self._told):
            for one in events:
                self._told = one.event
                log.info(
                    f"class {one.kind.value}",
                    name=one.name,
                    **({"into": one.target} if one.target is not None else {}),
                    round=one.round,
                    pictures=one.pictures,
                    windows=one.windows,
                    sources=dict(one.sources),
                )
        self._observer.classes_seen({**book.counts(), "near": self._count_near()})

    def _count_near(self) -> int:
        """Return how many labels wait for a person; looked up anew only where labels have changed."""
        book = self._directory.ledger.book()
        labels = (book.classes(), frozenset(book.waiting_pictures()), self._told)
        if labels != self._near_of:
            self._near_of = labels
            self._near = len(book.near())
        return self._near
