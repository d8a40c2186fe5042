"""Something outside does not answer: said at its start, once a minute, and at its end; tried again with back-off."""

import random
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

import structlog

REMIND_EVERY_S = 60.0
DELAY_FIRST_S = 0.25
DELAY_MAX_S = 10.0

_log = structlog.get_logger()


class Need(StrEnum):
    """What a role waits for while it is away."""

    KAFKA = "kafka"
    REDIS = "redis"
    REDIS_MEMORY = "redis_memory"
    """Redis answers, and has no room."""
    EVICTION = "eviction"
    """Redis answers, and may drop what it is given."""
    TOPIC = "topic"
    DEAD_LETTERS = "dead_letters"
    ANNOUNCEMENT = "announcement"
    DISK = "disk"
    REPOSITORY = "repository"
    DEVICE = "device"
    EXPORTER = "exporter"
    RECORDS = "records"
    """What the buffer lost and the ingestors read again."""
    TRAINING = "training"
    """Windows in a row raised the same: a person must see to it."""


CURES: Mapping[Need, str] = {
    Need.REDIS: "start Redis there, or set redis.url",
    Need.REDIS_MEMORY: "raise Redis' maxmemory, or lower buffer.bytes_max well below it",
}
"""What to do about what ingestors and learner both wait for."""
EVICTING = "Redis to keep what it is given (maxmemory-policy noeviction)"
"""What an outage of `Need.EVICTION` waits for."""


class OutageObserver(Protocol):
    """Is told of each failed try, in the thread that tried: returns at once and never raises."""

    def failed(self, need: Need, seconds: float) -> None:
        """A try failed and will be made again; the one before failed `seconds` ago, 0 where there is none."""
        ...

    def recovered(self, need: Need, seconds: float) -> None:
        """The outage is over, `seconds` after its last failed try."""
        ...


class SilentOutages:
    """Watches nothing."""

    def failed(self, need: Need, seconds: float) -> None:
        """Nothing."""

    def recovered(self, need: Need, seconds: float) -> None:
        """Nothing."""


SILENT = SilentOutages()


class Outage:
    """One dependency's outage. `failed` and `recovered` may be called at every try; only changes are written down."""

    def __init__(
        self,
        what: str,
        need: Need,
        clock: Callable[[], float],
        *,
        observer: OutageObserver = SILENT,
        delay_max_s: float = DELAY_MAX_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`what` is the dependency as people call it, `need` its kind, where a failure does not name another.

        `clock` gives seconds that only grow; `jitter` is in [0, 1).
        """
        self._what = what
        self._need = self._failing = need
        self._clock = clock
        self._observer = observer
        self._delay_max_s = delay_max_s
        self._jitter = jitter
        self._since: float | None = None
        self._said_at = self._told_at = 0.0
        self._delay_s = 0.0
        self._next_try = 0.0
        self._tries = 0
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

    def beside(self, what: str, need: Need, *, delay_max_s: float) -> "Outage":
        """Return the outage of another thing, with the same clock and observer."""
        return Outage(what, need, self._clock, observer=self._observer, delay_max_s=delay_max_s, jitter=self._jitter)

    def failed(self, reason: str, *, need: Need | None = None, what: str = "", **facts: object) -> None:
        """A try failed: the next is due after twice the delay of this one, less up to half of it at random.

        `need`, and `what` it is called, is what failed, where that is not the same every time. `facts` go into the log.
        """
        self._what = what or self._what
        now = self._clock()
        self._delay_s = min(self._delay_max_s, self._delay_s * 2 or DELAY_FIRST_S)
        self._next_try = now + self._delay_s * (1 - self._jitter() / 2)
        self._reason = reason
        self._tries += 1
        self._tell(need or self._need, now)
        if self._since is None:
            self._since = self._said_at = now
            _log.warning(f"waiting for {self._what}", reason=reason, **facts)
        elif now - self._said_at >= REMIND_EVERY_S:
            self._said_at = now
            lasts = {"seconds": round(now - self._since), "tries": self._tries}
            _log.warning(f"still waiting for {self._what}", reason=reason, **lasts, **facts)

    def _tell(self, need: Need, now: float) -> None:
        """Tell the observer; what failed before, if it was another thing, is well again as far as anyone knows."""
        seconds = 0.0 if self._since is None else now - self._told_at
        if self._since is not None and need is not self._failing:
            self._observer.recovered(self._failing, seconds)
            seconds = 0.0
        self._observer.failed(need, seconds)
        self._failing, self._told_at = need, now

    def recovered(self, done: str = "") -> None:
        """A try went well. `done` says what follows from the outage, for whoever reads the log; empty: nothing."""
        if self._since is None:
            return
        now = self._clock()
        followed = {"done": done} if done else {}
        _log.info(f"{self._what} is back", seconds=round(now - self._since, 1), tries=self._tries, **followed)
        self._observer.recovered(self._failing, now - self._told_at)
        self._since = None
        self._delay_s = 0.0
        self._tries = 0
        self._reason = ""
