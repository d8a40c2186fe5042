"""Something outside does not answer: said at its start, once a minute, and at its end; tried again with back-off."""

import random
from collections.abc import Callable

import structlog

REMIND_EVERY_S = 60.0
DELAY_FIRST_S = 0.25
DELAY_MAX_S = 10.0

_log = structlog.get_logger()


class Outage:
    """One dependency's outage. `failed` and `recovered` may be called at every try; only changes are written down."""

    def __init__(
        self,
        what: str,
        clock: Callable[[], float],
        *,
        delay_max_s: float = DELAY_MAX_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`what` is the dependency as people call it; `clock` gives seconds that only grow; `jitter` is in [0, 1)."""
        self._what = what
        self._clock = clock
        self._delay_max_s = delay_max_s
        self._jitter = jitter
        self._since: float | None = None
        self._said_at = 0.0
        self._delay_s = 0.0
        self._next_try = 0.0
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why, as the last failure said; empty while all is well."""
        return self._reason

    @property
    def ongoing(self) -> bool:
        """Whether the last try failed."""
        return self._since is not None

    @property
    def due(self) -> bool:
        """Whether it may be tried now: always while all is well."""
        return self._since is None or self._clock() >= self._next_try

    @property
    def wait_s(self) -> float:
        """Seconds until the next try."""
        return 0.0 if self._since is None else max(0.0, self._next_try - self._clock())

    def failed(self, reason: str, **facts: object) -> None:
        """A try failed: the next is due after twice the delay of this one, less up to half of it at random."""
        now = self._clock()
        self._delay_s = min(self._delay_max_s, self._delay_s * 2 or DELAY_FIRST_S)
        self._next_try = now + self._delay_s * (1 - self._jitter() / 2)
        self._reason = reason
        if self._since is None:
            self._since = self._said_at = now
            _log.warning(f"waiting for {self._what}", reason=reason, **facts)
        elif now - self._said_at >= REMIND_EVERY_S:
            self._said_at = now
            _log.warning(f"still waiting for {self._what}", reason=reason, seconds=round(now - self._since), **facts)

    def recovered(self) -> None:
        """A try went well."""
        if self._since is None:
            return
        _log.info(f"{self._what} is back", seconds=round(self._clock() - self._since, 1))
        self._since = None
        self._delay_s = 0.0
        self._reason = ""
