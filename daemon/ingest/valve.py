"""Whether records are taken, and every cause why not. While any stands, all open partitions are paused."""

from collections.abc import Callable

from daemon.ingest.observer import IngestObserver, Pause


class Valve:
    """Closed by any cause, open when the last is gone. `switched` is called with the new state at each change."""

    def __init__(self, observer: IngestObserver, switched: Callable[[bool], None]) -> None:
        self._observer = observer
        self._switched = switched
        self.causes: frozenset[Pause] = frozenset()
        """Replaced, never changed: other threads may look."""
        observer.paused(self.causes)

    @property
    def open(self) -> bool:
        """Whether records are taken."""
        return not self.causes

    def set(self, cause: Pause, *, stands: bool) -> None:
        """Say whether `cause` stands now."""
        causes = self.causes | {cause} if stands else self.causes - {cause}
        if causes == self.causes:
            return
        was_open, self.causes = self.open, causes
        self._observer.paused(causes)
        if was_open != self.open:
            self._switched(self.open)
