"""What is done every so often, by a clock that is handed in."""

from collections.abc import Callable


class Periodic:
    """Due at once, and again `every_s` after it was done."""

    def __init__(self, every_s: float, clock: Callable[[], float]) -> None:
        self._every_s = every_s
        self._clock = clock
        self._next_s = clock()

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return self._clock() >= self._next_s

    def done(self) -> None:
        """It was done now."""
        self._next_s = self._clock() + self._every_s

    def now(self) -> None:
        """Make it due."""
        self._next_s = self._clock()
