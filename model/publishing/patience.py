"""How long a follower asks the server to hold its answer: as long as what lies between them lets it.

A proxy ends a request that is quiet for too long: HAProxy with a 504 after `timeout server`, others by closing the
connection, often after 15 to 60 s. That is no failure, and costs nothing where the follower asks again at once. So a
cut that comes before the asked time is over tells how long the way holds a request, and less than that is asked for.
From time to time a little more is tried, for a proxy may be changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

CUT = frozenset({408, 502, 504, 520, 522, 524, 598, 599})
"""Answers of a proxy that has waited enough, or lost the server meanwhile."""
LONG_S = 1.0
"""What ends sooner was not held: it is a failure."""
LEEWAY_S = 1.0
"""What comes so much after the asked time has nothing to do with it."""
LESS = 0.8
LEAST_S = 0.5
CUTS_MAX = 3
"""In a row, without an answer between them: then something else is the matter."""
MORE = 1.25
TRY_MORE_S = 60.0
"""Doubled at each cut: what was a server that died is soon forgotten, a proxy is asked rarely."""
TRY_MORE_MAX_S = 86_400.0


@dataclass(slots=True)
class Patience:
    """`most_s` is never exceeded; `clock` in seconds."""

    most_s: float
    clock: Callable[[], float]
    wait_s: float = field(init=False)
    """How long to ask for now."""
    _cuts: int = 0
    _more_after_s: float = TRY_MORE_S
    _more_at: float = float("inf")

    def __post_init__(self) -> None:
        self.wait_s = self.most_s

    def was_cut(self, held_s: float) -> bool:
        """Take note of a request that ended without an answer after `held_s`; return whether that is no failure."""
        if not LONG_S <= held_s <= self.wait_s + LEEWAY_S or self._cuts >= CUTS_MAX:
            self._cuts = 0
            return False
        self._cuts += 1
        self._shorten(held_s * LESS)
        return True

    def was_silent(self) -> None:
        """Take note of a request that nobody answered or ended: something on the way may have dropped it in silence."""
        self._shorten(self.wait_s / 2)

    def was_answered(self) -> None:
        """Take note of an answer. After a while with answers a longer wait is tried."""
        self._cuts = 0
        if self.wait_s < self.most_s and self.clock() >= self._more_at:
            self.wait_s = min(self.most_s, self.wait_s * MORE)
            self._more_at = self.clock() + self._more_after_s

    def _shorten(self, wait_s: float) -> None:
        self.wait_s = min(self.wait_s, max(wait_s, LEAST_S))
        self._more_at = self.clock() + self._more_after_s
        self._more_after_s = min(2 * self._more_after_s, TRY_MORE_MAX_S)
