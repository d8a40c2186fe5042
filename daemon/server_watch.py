"""Looks at what of Redis may change while a role runs: its clock beside ours, and whether it drops keys."""

from collections.abc import Callable

import structlog

from daemon.outage import Outage
from daemon.readiness import Check
from streaming.buffer import Vitals

LOOK_EVERY_S = 10.0
ANSWER_MAX_S = 2.0
"""An answer that took longer says little about a clock."""
SKEW_TOLD_S = 5.0
"""Clocks that are kept by NTP differ by milliseconds; nothing is compared across hosts, so this is for people."""

_log = structlog.get_logger()


class ServerWatch:
    """`look` may be called at every turn: Redis is asked every ten seconds."""

    def __init__(
        self,
        vitals: Callable[[], Vitals],
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        evicting: Outage,
        tell: Callable[[float], None] = lambda _skew_s: None,
    ) -> None:
        """`vitals` asks the buffer; `now_ms` is this host's time of day, `clock` gives seconds that only grow.

        `evicting` is the outage that lasts while the buffer may lose what it was given. `tell` is told each skew.
        """
        self._vitals = vitals
        self._now_ms = now_ms
        self._clock = clock
        self._evicting = evicting
        self._tell = tell
        self._next_s = float("-inf")
        self._said_s = 0.0
        self.skew_s = 0.0
        """How far this host's clock is ahead of Redis', as last seen; negative where it is behind."""

    @property
    def unsafe(self) -> bool:
        """Whether Redis may lose what it is given now."""
        return self._evicting.ongoing

    def check(self) -> Check:
        """Return whether Redis keeps everything, for readiness."""
        return eviction_check(self._evicting)

    def look(self) -> None:
        """Ask where it is time. Raises BufferUnavailableError."""
        began = self._clock()
        if began < self._next_s:
            return
        vitals = self._vitals()
        ours_ms, took_s = self._now_ms(), self._clock() - began
        self._next_s = began + LOOK_EVERY_S
        if took_s <= ANSWER_MAX_S:
            # The answer was given somewhere within the call; half of it is the best guess.
            self._compare((ours_ms - vitals.now_ms) / 1000 - took_s / 2)
        if vitals.unsafe:
            self._evicting.failed(vitals.unsafe, cure="until then nothing more is put into it")
        else:
            self._evicting.recovered("Redis keeps everything again")

    def _compare(self, skew_s: float) -> None:
        self.skew_s = skew_s
        self._tell(skew_s)
        if self._said_s and abs(skew_s) < SKEW_TOLD_S / 2:
            self._said_s = 0.0
            _log.info("this host's clock and that of Redis agree again", skew_s=round(skew_s, 1))
        elif abs(skew_s) > SKEW_TOLD_S and abs(skew_s - self._said_s) > SKEW_TOLD_S:
            self._said_s = skew_s
            _log.warning(
                f"this host's clock is {spoken(skew_s)} that of Redis (redis.url)",
                skew_s=round(skew_s, 1),
                cure="set both right (NTP); rounds do not depend on it, times in logs and metrics do",
            )


def spoken(skew_s: float) -> str:
    """Return a skew in words, as `3600 s ahead of`."""
    return f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'}"


def eviction_check(evicting: Outage) -> Check:
    """Return whether Redis keeps everything, for readiness."""
    return Check("eviction", not evicting.ongoing, evicting.reason)
