"""The learner as the composition root builds it from a configuration; only Redis, Kafka and the exporter are in memory.

What is configured and forgotten on the way to where it is used shows here, and nowhere else in the tests.
"""

import itertools
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch

from daemon.composition import learn
from daemon.composition.clocks import monotonic_s
from daemon.composition.opening import open_repository, open_state
from daemon.config import Config
from daemon.learn.announcements import Announcements
from daemon.learn.stages import nowhere
from daemon.learn.status import StatusBoard
from daemon.outage import EVICTING, Need, Outage
from daemon.server_watch import ServerWatch
from daemon.tracing.spans import NO_LEARN_SPANS
from streaming.buffer import entries_at_once
from streaming.memory_buffer import MemoryBuffer
from streaming.records import Log, Sample
from tests.support.learners import KeptAnnouncer, WeightsPublisher

LOG = Log("images", "8jTiUWkgTTyrPRtbzy4wkg", 0)
LABELS = {"dark": 40, "light": 210}


class Outcomes(StatusBoard):
    """Counts how rounds end."""

    def __init__(self) -> None:
        super().__init__(_now_ms)
        self.counts: Counter[str] = Counter()

    def round_ended(self, number: int, outcome, seconds: float) -> None:
        """Count."""
        self.counts[outcome.value] += 1
        super().round_ended(number, outcome, seconds)


@dataclass
class Learnt:
    """What a run came to."""

    versions: int
    rounds: int
    outcomes: Counter[str]
    outages: list[str] = field(default_factory=list)


def learn_through(config: Config, *, versions: int, feeds: int, samples: int) -> Learnt:
    """Feed `samples` pictures at a time until there are so many versions, at most `feeds` times; return what came."""
    threads = torch.get_num_threads()
    try:
        return _learn(config, versions, feeds, samples)
    finally:
        torch.set_num_threads(threads)


def _learn(config: Config, versions: int, feeds: int, samples: int) -> Learnt:
    with ExitStack() as stack:
        device = learn._device(config)
        directory = stack.enter_context(open_state(config, nowhere))
        repository = stack.enter_context(open_repository(config, directory, nowhere, adopt=False))
        # A millisecond passes with each look: what was put in is always older than when it was put in.
        ticks = itertools.count(_now_ms())
        buffer = MemoryBuffer(lambda: next(ticks))
        observer = Outcomes()
        outage = Outage("everything", Need.DISK, monotonic_s)
        announcements = Announcements(KeptAnnouncer(), Outage("Kafka", Need.ANNOUNCEMENT, monotonic_s))
        learner = learn._learner(
            config=config,
            directory=directory,
            repository=repository,
            buffer=buffer,
            announcements=announcements,
            observer=observer,
            outage=outage,
            server=ServerWatch(buffer.vitals, _now_ms, monotonic_s, Outage(EVICTING, Need.EVICTION, monotonic_s)),
            device=device,
            stop=threading.Event(),
            reached=nowhere,
            spans=NO_LEARN_SPANS,
            adopt=False,
        )
        learner.round.publisher = WeightsPublisher()
        learnt = Learnt(0, 0, observer.counts)
        for _ in range(feeds):
            if learnt.versions >= versions:
                break
            _feed(buffer, config.image.size, samples)
            for _turn in range(12):
                busy = learner.turn()
                learnt.outages += [outage.reason] if outage.ongoing else []
                if not busy:
                    break
            learner.retention.look()
            learnt.versions = sum(1 for _ in directory.ledger.versions())
            learnt.rounds = directory.ledger.last_round()
        return learnt


def _feed(buffer: MemoryBuffer, size: int, n: int) -> None:
    first = buffer.position(LOG) or 0
    buffer.register(LOG, first + n)
    entries = [_sample(offset, size) for offset in range(first, first + n)]
    at_once = entries_at_once(size)
    for start in range(0, n, at_once):
        buffer.append(LOG, buffer.position(LOG), entries[start : start + at_once], "brake")


def _sample(offset: int, size: int) -> Sample:
    label = tuple(LABELS)[offset % len(LABELS)]
    pixels = np.random.default_rng(offset).normal(LABELS[label], 12, (size, size, 3)).clip(0, 255).astype(np.uint8)
    now = _now_ms()
    return Sample(offset, offset, 0, now, label, f"id-{offset}", f"camera-{offset % 2}", now, pixels.tobytes())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
