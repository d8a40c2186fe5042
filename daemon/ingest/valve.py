"""Whether records are taken, of which topics, and every cause why not."""

from collections.abc import Callable, Collection, Mapping

from daemon.ingest.observer import IngestObserver, Pause
from streaming.buffer import ALL_TOPICS


class Valve:
    """Closed by any cause, open when the last is gone; a cause may hold some topics only.

    `switched` is called at each change: the partitions of a topic are paused while it is not `taken`.
    """

    def __init__(self, observer: IngestObserver, switched: Callable[[], None]) -> None:
        self._observer = observer
        self._switched = switched
        self._for_all: frozenset[Pause] = frozenset()
        self._held: Mapping[Pause, frozenset[str]] = {}
        observer.paused(self.causes)

    @property
    def causes(self) -> frozenset[Pause]:
        """Every cause that stands, if only for one topic. Replaced, never changed: other threads may look."""
        return self._for_all | {cause for cause, topics in self._held.items() if topics}

    @property
    def open(self) -> bool:
        """Whether records of some topic may be taken."""
        return not self._for_all

    def takes(self, topic: str) -> bool:
        """Return whether records of this topic are taken."""
        return self.open and not any(topics & {topic, ALL_TOPICS} for topics in self._held.values())

    def set(self, cause: Pause, *, stands: bool) -> None:
        """Say whether `cause` stands now, for every topic."""
        self._change(self._for_all | {cause} if stands else self._for_all - {cause}, self._held)

    def hold(self, cause: Pause, topics: Collection[str]) -> None:
        """Say for which topics `cause` stands now, and for no others."""
        self._change(self._for_all, {**self._held, cause: frozenset(topics)})

    def _change(self, for_all: frozenset[Pause], held: Mapping[Pause, frozenset[str]]) -> None:
        if (for_all, held) == (self._for_all, {cause: self._held.get(cause, frozenset()) for cause in held}):
            return
        before, self._for_all, self._held = self.causes, for_all, held
        if before != self.causes:
            self._observer.paused(self.causes)
        self._switched()
