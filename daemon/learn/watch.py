"""Tells observers what waits in the buffer, and deletes what belongs to logs that are gone."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from daemon.learn.ages import Aged, Ages
from daemon.learn.observer import BufferFacts, LearnObserver
from daemon.learn.taker import log_key
from daemon.server_watch import ServerWatch
from model.window import LogKey
from streaming.buffer import LearnBuffer

DEAD_LETTERS_EVERY_S = 5.0
FORGET_AFTER_MS = 600_000
"""A log that no ingestor has registered for so long, of which nothing waits and that another has replaced, is gone."""


class BufferWatch:
    """Looks at the buffer at each turn of the learner."""

    def __init__(
        self,
        buffer: LearnBuffer,
        observer: LearnObserver,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        server: ServerWatch,
    ) -> None:
        """`now_ms` is this host's time of day, for what is told to people; `clock` gives seconds that only grow."""
        self._buffer = buffer
        self._observer = observer
        self._now_ms = now_ms
        self._ages = Ages(clock)
        self._server = server
        self._clock = clock
        self._dead_letters_at_s = float("-inf")

    def look(self, positions: Mapping[LogKey, int]) -> None:
        """Tell what waits and what is not learnt. Raises BufferUnavailableError."""
        self._server.look()
        logs = self._ages.look(self._buffer.logs())
        oldest_ms = [one.oldest_ms for one in logs if one.oldest_ms is not None]
        self._observer.buffer_seen(
            BufferFacts(
                samples=sum(one.state.samples for one in logs),
                dead_letters=sum(one.state.dead_letters for one in logs),
                bytes_used=sum(one.state.bytes_used for one in logs),
                # In our own time, as all that is told beside it: who reads it compares it with the time of now.
                oldest_ms=self._now_ms() - max(oldest_ms) if oldest_ms else None,
            )
        )
        self._look_at_dead_letters()
        newest = self._newest(logs)
        for name, one in newest.items():
            learnt = positions.get(log_key(one.state.log), 0)
            self._observer.unlearnt_seen(name[0], name[1], max(0, one.state.end - learnt))
        for one in logs:
            replaced = newest[one.state.log.topic, one.state.log.partition] is not one
            if replaced and not one.state.length and one.registered_ms > FORGET_AFTER_MS:
                self._buffer.forget(one.state.log)

    def _look_at_dead_letters(self) -> None:
        if self._clock() - self._dead_letters_at_s < DEAD_LETTERS_EVERY_S:
            return
        records: Counter[str] = Counter()
        for by_reason in self._buffer.dead_lettered().values():
            records.update(by_reason)
        self._dead_letters_at_s = self._clock()
        self._observer.dead_letters_seen(records)

    @staticmethod
    def _newest(logs: Sequence[Aged]) -> dict[tuple[str, int], Aged]:
        """Return, for each partition by name, the log that was registered last."""
        newest: dict[tuple[str, int], Aged] = {}
        for one in logs:
            name = (one.state.log.topic, one.state.log.partition)
            if name not in newest or one.registered_ms < newest[name].registered_ms:
                newest[name] = one
        return newest
