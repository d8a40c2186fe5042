"""How long samples took from their event until a version that learnt them, and where the time went.

Event times are by the producers' clocks, the moment of buffering by that of Redis, everything else by this host's,
which is set right by how far it is from Redis'.
"""

from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from daemon.learn.manifests import UNKNOWN_MS
from daemon.learn.observer import Freshness, LearnObserver, Wait
from model.store.ledger import Ledger
from model.window import LogKey, Window

SAMPLES_MAX = 100_000
"""Samples remembered at most, should no version be published for long."""
EVENT_AHEAD_MAX_S = 300.0
"""So far the clock of a producer may be ahead; beyond it, an event would lie in the future."""
EVENT_AGE_MAX_S = 365 * 86_400.0
"""Older is a clock that was never set (1970, 2000), or an archive: neither tells how long we took."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a committed round was the first to learn. Times are milliseconds since the epoch, UNKNOWN_MS: not known."""

    round: int
    event_times_ms: NDArray[np.int64]
    """[n], by the producers' clocks."""
    buffered_ms: NDArray[np.int64]
    """[n], by the clock of Redis."""
    claimed_ms: int
    """By this host's clock, as the next."""
    committed_ms: int


class Arrived:
    """Remembers when the samples of the open round's window were buffered: the claim on the disk does not know it."""

    def __init__(self) -> None:
        self._buffered_ms: dict[tuple[LogKey, int], int] = {}

    def note(self, window: Window) -> None:
        """Take up a new window; the one before is forgotten."""
        self._buffered_ms = {(one.log, one.offset): one.buffered_ms for one in window.arrivals}

    def of(self, ledger: Ledger, span: tuple[int, int], samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [n], when these samples were buffered. Those with keys in `span` came with the round's window."""
        if not self._buffered_ms:
            return np.full(len(samples), UNKNOWN_MS, np.int64)
        places = ledger.past.offsets(*span)
        known = (self._buffered_ms.get(places[key], UNKNOWN_MS) if key in places else UNKNOWN_MS for key in samples)
        return np.fromiter(known, np.int64, len(samples))


class FreshnessBook:
    """Keeps what was learnt since the last version until the next one is published."""

    def __init__(self, observer: LearnObserver) -> None:
        self._observer = observer
        self._learnt: list[Learnt] = []

    def learnt(self, what: Learnt) -> None:
        """Note a committed round."""
        self._learnt.append(what)
        while sum(len(one.event_times_ms) for one in self._learnt) > SAMPLES_MAX and len(self._learnt) > 1:
            del self._learnt[0]

    def forget(self) -> None:
        """What was learnt is undone."""
        self._learnt.clear()

    def published(self, published_ms: int, skew_s: float) -> list[Freshness]:
        """Return how long everything took, and forget it. What is implausible is left out, and told.

        An event time is the producer's word, by the producer's clock, and stands in the record as it is.
        """
        learnt, self._learnt = self._learnt, []
        now_ms = published_ms - 1000 * skew_s
        told: list[Freshness] = []
        odd: list[float] = []
        for one in learnt:
            total_s = (now_ms - one.event_times_ms) / 1000
            known = one.event_times_ms != UNKNOWN_MS
            fine = known & (total_s >= -EVENT_AHEAD_MAX_S) & (total_s <= EVENT_AGE_MAX_S)
            odd += total_s[known & ~fine].tolist()
            told.append(_freshness(one, fine, total_s, published_ms, skew_s))
        if odd:
            log.warning(
                "event times (ce_time) that cannot tell how fresh a version is are left out of freshness_seconds",
                samples=len(odd),
                least_s=round(min(odd)),
                most_s=round(max(odd)),
                cure="see the producers' clocks; the samples are learnt as any other",
            )
            self._observer.event_times_implausible(len(odd))
        return told


def _freshness(
    one: Learnt, fine: NDArray[np.bool_], total_s: NDArray[np.float64], published_ms: int, skew_s: float
) -> Freshness:
    samples = int(fine.sum())
    buffered = fine & (one.buffered_ms != UNKNOWN_MS)
    claimed_ms = one.claimed_ms - 1000 * skew_s
    waits = {
        Wait.KAFKA: ((one.buffered_ms - one.event_times_ms)[buffered] / 1000).tolist(),
        Wait.BUFFER: ((claimed_ms - one.buffered_ms)[buffered] / 1000).tolist(),
        Wait.ROUND: [(one.committed_ms - one.claimed_ms) / 1000] * samples,
        Wait.PUBLISH: [(published_ms - one.committed_ms) / 1000] * samples,
    }
    return Freshness(one.round, total_s[fine].tolist(), waits)
