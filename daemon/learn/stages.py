"""Times the stages of a round, and names the points before and after each at which a test may stop the world."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from daemon.learn.observer import LearnObserver, Stage
from daemon.tracing.spans import NO_LEARN_SPANS, LearnSpans
from model.learning.errors import StoppedError

LONG = (Stage.SCREEN, Stage.TRAIN, Stage.CALIBRATE, Stage.STAGE, Stage.EVALUATE)
"""Stages that may take long and that a restart does again: none of them begins once a stop is asked for."""


def nowhere(_point: str) -> None:
    """Do nothing at a fault point."""


class Stages:
    """Called as `with stages(Stage.TRAIN):`. A stage that fails is not told as ended."""

    def __init__(
        self,
        observer: LearnObserver,
        clock: Callable[[], float],
        reached: Callable[[str], None] = nowhere,
        *,
        stop: Callable[[], bool] = lambda: False,
        spans: LearnSpans = NO_LEARN_SPANS,
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._reached = reached
        self._stop = stop
        self._spans = spans

    @contextmanager
    def __call__(self, stage: Stage) -> Iterator[None]:
        """Tell the observer when the stage begins and, if it went well, how many seconds it took.

        Raises StoppedError where the stage is long and a stop is asked for.
        """
        if stage in LONG and self._stop():
            raise StoppedError(f"stopped before the stage {stage.value}")
        self._reached(f"round.{stage.value}.before")
        self._observer.stage_started(stage)
        # Where the stage fails it stays bound: the line that tells of it says in which.
        structlog.contextvars.bind_contextvars(stage=stage.value)
        began = self._clock()
        with self._spans.stage(stage.value):
            yield
        structlog.contextvars.unbind_contextvars("stage")
        self._observer.stage_ended(stage, self._clock() - began)
        self._reached(f"round.{stage.value}.after")
