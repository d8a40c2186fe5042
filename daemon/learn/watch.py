"""Tells observers what waits in the buffer, and deletes what belongs to logs that are gone."""

from collections.abc import Callable, Mapping

from daemon.learn.observer import BufferFacts, LearnObserver
from daemon.learn.taker import log_key
from model.window import LogKey
from streaming.buffer import LearnBuffer, LogState

FORGET_AFTER_MS = 600_000
"""A log that no ingestor has registered for so long, of which nothing waits and that another has replaced, is gone."""


class BufferWatch:
    """Looks at the buffer at each turn of the learner."""

    def __init__(self, buffer: LearnBuffer, observer: LearnObserver, now_ms: Callable[[], int]) -> None:
        self._buffer = buffer
        self._observer = observer
        self._now_ms = now_ms

    def look(self, positions: Mapping[LogKey, int]) -> None:
        """Tell what waits and what is not learnt. Raises BufferUnavailableError."""
        states = self._buffer.logs()
        oldest = [state.oldest_buffered_ms for state in states if state.oldest_buffered_ms is not None]
        self._observer.buffer_seen(
            BufferFacts(
                samples=sum(state.samples for state in states),
                dead_letters=sum(state.dead_letters for state in states),
                bytes_used=sum(state.bytes_used for state in states),
                oldest_ms=min(oldest) if oldest else None,
            )
        )
        newest = self._newest(states)
        for name, state in newest.items():
            learnt = positions.get(log_key(state.log), 0)
            self._observer.unlearnt_seen(name[0], name[1], max(0, state.end - learnt))
        for state in states:
            replaced = newest[state.log.topic, state.log.partition] is not state
            if replaced and not state.length and self._now_ms() - state.registered_ms > FORGET_AFTER_MS:
                self._buffer.forget(state.log)

    @staticmethod
    def _newest(states: list[LogState]) -> dict[tuple[str, int], LogState]:
        """Return, for each partition by name, the log that was registered last."""
        newest: dict[tuple[str, int], LogState] = {}
        for state in states:
            name = (state.log.topic, state.log.partition)
            if name not in newest or state.registered_ms > newest[name].registered_ms:
                newest[name] = state
        return newest
