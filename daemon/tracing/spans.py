"""What ingestor and learner tell of their work, as spans. Without `log.otlp` nobody listens, and it costs nothing."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from streaming.records import Log, Record


class BatchSpan(Protocol):
    """The span of one batch."""

    def taken(self, *, stale: bool, dead: int) -> None:
        """Say what became of the batch: refused by the buffer, or taken in with so many dead letters."""
        ...


class IngestSpans(Protocol):
    """Spans of an ingestor. Never raises for what is away, and never waits for the collector."""

    def batch(self, log: Log, records: Sequence[Record]) -> AbstractContextManager[BatchSpan]:
        """Return the span of taking `records` in, which are the next of `log`."""
        ...


class LearnSpans(Protocol):
    """Spans of the learner. Never raises for what is away, and never waits for the collector."""

    def round(self) -> AbstractContextManager[None]:
        """Return the span of a round, or of one attempt at it; stages within it are its children."""
        ...

    def claimed(self, number: int, version: int, spans: Iterable[tuple[Log, int, int]]) -> None:
        """Say which round it is, and which ranges [from, to) of which logs it learns from."""
        ...

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Return the span of a stage. Outside of a round it is none, but for `publish`."""
        ...


class NoBatchSpan:
    """Hears nothing."""

    def taken(self, *, stale: bool, dead: int) -> None:
        """Nothing."""


class NoIngestSpans:
    """Makes no spans."""

    def __init__(self) -> None:
        self._none = nullcontext(NoBatchSpan())

    def batch(self, log: Log, records: Sequence[Record]) -> AbstractContextManager[BatchSpan]:
        """Nothing."""
        return self._none


class NoLearnSpans:
    """Makes no spans."""

    def round(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def claimed(self, number: int, version: int, spans: Iterable[tuple[Log, int, int]]) -> None:
        """Nothing."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()


NO_INGEST_SPANS: IngestSpans = NoIngestSpans()
NO_LEARN_SPANS: LearnSpans = NoLearnSpans()
