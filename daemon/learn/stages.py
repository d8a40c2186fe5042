"""Times the stages of a round, and names the points before and after each at which a test may stop the world."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.learn.observer import LearnObserver, Stage


def nowhere(_point: str) -> None:
    """Do nothing at a fault point."""


class Stages:
    """Called as `with stages(Stage.TRAIN):`. A stage that fails is not told as ended."""

    def __init__(
        self, observer: LearnObserver, clock: Callable[[], float], reached: Callable[[str], None] = nowhere
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._reached = reached

    @contextmanager
    def __call__(self, stage: Stage) -> Iterator[None]:
        """Tell the observer when the stage begins and, if it went well, how many seconds it took."""
        self._reached(f"round.{stage.value}.before")
        self._observer.stage_started(stage)
        began = self._clock()
        yield
        self._observer.stage_ended(stage, self._clock() - began)
        self._reached(f"round.{stage.value}.after")
