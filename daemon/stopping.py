"""What a process says when it is asked to stop: what still happens, how long that takes at most, and how to end now."""

import signal
from collections.abc import Callable
from typing import Self

import structlog

from daemon.logs import answer

LOADING = "stopping: nothing is open yet, it ends now"


def _log_line(event: str, **facts: object) -> None:
    answer(event, **facts)


def _log_end(event: str) -> None:
    structlog.get_logger().critical(event)


class Stopping:
    """The words of one process. A role replaces `what` once it knows better what it is at."""

    def __init__(
        self,
        what: str,
        seconds_max: float,
        lost: str = "nothing is lost by that",
        *,
        tell: Callable[..., None] = _log_line,
        tell_end: Callable[[str], None] = _log_end,
    ) -> None:
        """`what` still happens, for `seconds_max` at most; `lost` is what follows where it is not waited for."""
        self.what: Callable[[], str] = lambda: what
        """Asked in another thread than the one that works."""
        self.seconds_max = seconds_max
        self.lost = lost
        self._tell = tell
        self._tell_end = tell_end

    @classmethod
    def of_command(cls, what: str, seconds_max: float, lost: str, say: Callable[[str], None]) -> Self:
        """Return the words of a command: lines for people, by `say`."""

        def tell(event: str, **_facts: object) -> None:
            say(f"tidemill: {event}")

        return cls(what, seconds_max, lost, tell=tell, tell_end=tell)

    @classmethod
    def silent(cls) -> Self:
        """Return one that says nothing."""

        def nothing(*_words: object, **_facts: object) -> None:
            return

        return cls("", 0.0, tell=nothing, tell_end=nothing)

    def first(self, number: int) -> None:
        """Say what still happens. `number` is the signal that asked for the stop."""
        again = "Ctrl-C again" if number == signal.SIGINT else "SIGINT"
        told = f"stopping: {self.what()}, {self.seconds_max:g} s at most; {again} ends it now: {self.lost}"
        self._tell(told, seconds_max=self.seconds_max, signal=signal.Signals(number).name)

    def again(self) -> None:
        """Say that the process ends now, as it was asked to."""
        self._tell_end(f"ended now, as asked: {self.lost}")

    def at_once(self) -> None:
        """Say that the process ends before it has begun."""
        self._tell(LOADING)
