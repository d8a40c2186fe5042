"""How old what the buffer tells is. No two hosts' clocks are compared: the buffer's is held against itself.

Should that clock be of no use (a failover to a server of another time, a step of it, an ingestor of 0.1 that wrote its
own host's time), an age counts from when this process first saw it, by a clock that only grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streaming.buffer import LogState
from streaming.records import Log


@dataclass(frozen=True, slots=True)
class Aged:
    """A log's state, and how long ago its times were."""

    state: LogState
    oldest_ms: int | None
    """Age of the oldest entry; None for an empty stream."""
    registered_ms: int
    """Age of the newest registration."""


class Ages:
    """Remembers when each time was first seen: two for every registered log."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._seen: dict[tuple[Log, str], tuple[int, float]] = {}

    def look(self, states: Sequence[LogState]) -> list[Aged]:
        """Return the ages of all registered logs; what is not among them is forgotten."""
        seen, self._seen = self._seen, {}
        return [self._aged(state, seen) for state in states]

    def _aged(self, state: LogState, seen: dict[tuple[Log, str], tuple[int, float]]) -> Aged:
        def age_ms(what: str, at_ms: int) -> int:
            now = self._clock()
            known = seen.get((state.log, what), (at_ms, now))
            first = self._seen[state.log, what] = known if known[0] == at_ms else (at_ms, now)
            return max(state.now_ms - at_ms, round(1000 * (now - first[1])))

        oldest = state.oldest_buffered_ms
        return Aged(
            state, None if oldest is None else age_ms("oldest", oldest), age_ms("registered", state.registered_ms)
        )
