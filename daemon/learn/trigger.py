"""When a round is due, from what the buffer's logs report. Pure: no I/O, no clock of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.learn.ages import Aged
from streaming.records import Log

REGISTERED_WITHIN_MS = 60_000
"""An empty log that no ingestor has registered for so long is a topic that is gone: nothing more is to come."""


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """How large a window may be, in fresh samples, and how long the oldest may wait."""

    samples: int
    """This many start a round; a window holds at most twice as many."""
    min_samples: int
    """A window is never smaller, unless every log is at its end and `max_wait_s` is over."""
    max_wait_s: float

    def starting(self, *, hurried: bool) -> int:
        """Return how many fresh samples start a round: the least allowed after a drift alarm."""
        return min(self.min_samples, self.samples) if hurried else self.samples

    @property
    def samples_max(self) -> int:
        """Return the most samples that one window may hold."""
        return 2 * self.samples


@dataclass(frozen=True, slots=True)
class Due:
    """What the buffer offers now: whether a round may start, by count, by age, or not."""

    entries: int
    """Samples and markers of dead letters."""
    samples: int
    aged: bool
    at_end: bool

    def accepts(self, samples: int, limits: WindowLimits, *, hurried: bool = False) -> bool:
        """Return whether a window of `samples` fresh samples may start a round."""
        if samples >= limits.starting(hurried=hurried):
            return True
        return self.aged and (samples >= limits.min_samples or self.at_end)


def assess(logs: Sequence[Aged], learnt: Mapping[Log, int], limits: WindowLimits) -> Due:
    """Return what the logs offer.

    A log is at its end when all of it is buffered, or learnt: a buffer that was lost begins below what is learnt.
    """
    living = [one.state for one in logs if one.state.length or one.registered_ms < REGISTERED_WITHIN_MS]
    return Due(
        entries=sum(one.state.length for one in logs),
        samples=sum(one.state.samples for one in logs),
        aged=any(one.oldest_ms is not None and one.oldest_ms >= limits.max_wait_s * 1000 for one in logs),
        at_end=all(max(state.position, learnt.get(state.log, 0)) >= state.end for state in living),
    )
