"""Whether the loop of a role still turns: what /livez says. Nothing that a role depends on is asked."""

import threading
from collections.abc import Callable
from typing import Self

INGEST_TURN_MAX_S = 300.0
"""Each thing that a turn waits for has a limit of seconds; a batch taken in is a turn of its own here."""
LEARN_TURN_MAX_S = 900.0
"""A round may take hours: each step of training and each stage counts as a turn."""
SUPERVISE_TURN_MAX_S = 300.0


class Pulse:
    """Beaten by one thread, looked at by others. Between `rest` and the next beat nothing is expected of it."""

    def __init__(self, what: str, turn_max_s: float, clock: Callable[[], float]) -> None:
        """`what` is the loop, as people call it; `clock` gives seconds that only grow."""
        self._what = what
        self._turn_max_s = turn_max_s
        self._clock = clock
        self._beat_s: float | None = None

    def beat(self) -> None:
        """The loop turned."""
        self._beat_s = self._clock()

    def beating(self, told: Callable[[str], None]) -> Callable[[str], None]:
        """Return `told`, called with a step's name, as a beat too."""

        def tell(step: str) -> None:
            self.beat()
            told(step)

        return tell

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def rest(self) -> None:
        """The loop has ended, or has not begun."""
        self._beat_s = None

    def stuck(self) -> str:
        """Return what is the matter where the loop has not turned for too long; else an empty text."""
        beat_s = self._beat_s
        if beat_s is None:
            return ""
        for_s = self._clock() - beat_s
        if for_s <= self._turn_max_s:
            return ""
        return f"{self._what} has not turned for {for_s:.0f} s (at most {self._turn_max_s:.0f}): restart this process"


class BeatingStop(threading.Event):
    """A stop flag that whoever works asks at every step: to ask it is a beat of the pulse.

    It shows, and sets, the flag that it was made of.
    """

    def __init__(self, stop: threading.Event, pulse: Pulse) -> None:
        super().__init__()
        self._stop = stop
        self._pulse = pulse

    def is_set(self) -> bool:
        """Return the flag."""
        self._pulse.beat()
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the flag."""
        self._pulse.beat()
        return self._stop.wait(timeout)

    def set(self) -> None:
        """Set the flag."""
        self._stop.set()
