"""When a role that died is started again, and when no more."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

DELAY_FIRST_S = 0.5
DELAY_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class RestartRules:
    """`deaths_max` deaths within `window_s` seconds are forgiven, one more is not."""

    deaths_max: int
    window_s: float


class Deaths:
    """The deaths of one role."""

    def __init__(self, rules: RestartRules, *, jitter: Callable[[], float] = random.random) -> None:
        """`jitter` gives numbers in [0, 1)."""
        self._rules = rules
        self._jitter = jitter
        self._times: deque[float] = deque(maxlen=rules.deaths_max + 1)

    def died(self, now: float) -> float | None:
        """Note a death at `now`; return the seconds until the next start, or None when it has died too often.

        The delay doubles with each death within the window, less up to half of it at random; it never grows so long
        that the window could not see `deaths_max` deaths.
        """
        while self._times and now - self._times[0] >= self._rules.window_s:
            self._times.popleft()
        self._times.append(now)
        if len(self._times) > self._rules.deaths_max:
            return None
        longest = min(DELAY_MAX_S, self._rules.window_s / (2 * (self._rules.deaths_max + 1)))
        delay: float = min(DELAY_FIRST_S * 2 ** (len(self._times) - 1), longest)
        return delay * (1 - self._jitter() / 2)

    def forget(self) -> None:
        """Count from the start again."""
        self._times.clear()

    @property
    def count(self) -> int:
        """Deaths within the window, as of the last one."""
        return len(self._times)
