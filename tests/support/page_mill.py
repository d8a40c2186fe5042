"""A learner that makes rounds beside a page: real database, samples, gate and `status.json`; Redis is in memory."""

import time
from pathlib import Path

import numpy as np

from daemon.learn.bulletin import Bulletin
from daemon.readiness import Check
from model.publishing.layout import ModelPaths
from tests.support.learners import SIZE, Bench

TAGS = "<script>alert(1)</script>"
MEANS = {"dark": (40, 40, 40), "light": (210, 210, 210), "red": (220, 30, 30), TAGS: (30, 60, 220)}
HOSTILE = '"><img src=x onerror=alert(1)>'


class PageMill:
    """Feeds windows, clean or poisoned, learns them, and writes the status."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.models = folder / "models"
        # so long ago that the rounds to come end about now
        self.bench.now_ms = time.time_ns() // 1_000_000 - 900_000
        self.checks = [Check("learner", ok=True)]
        self.folder = folder
        self.restart()

    def restart(self) -> None:
        """Begin another life of the learner."""
        self.learner = self.bench.learner()
        self.bulletin = Bulletin(
            ModelPaths(self.models, "default"),
            self.folder / "state",
            self.learner.observer,
            [lambda: self.checks[0]],
            lambda: time.time_ns() // 1_000_000,
            lambda: float("inf"),
        )

    def feed(self, *, poisoned: bool = False, n: int = 160, spread: int = 12) -> None:
        """Append a window and learn it."""
        rng = np.random.default_rng(self.bench.end)
        names = [list(MEANS)[index] for index in rng.integers(0, len(MEANS), n)]
        pixels = [rng.normal(MEANS[name], spread, (SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8) for name in names]
        labels = [str(one) for one in rng.permutation(names)] if poisoned else names
        self.bench.feed_pictures(np.stack(pixels), labels, HOSTILE if poisoned else "camera-1")
        self.bench.now_ms += 60_000
        for _ in range(20):
            if not self.learner.run_once():
                break
        self.tell()

    def tell(self) -> None:
        """Write the status now."""
        self.bulletin._written = float("-inf")
        assert self.bulletin.run_once()

    def close(self) -> None:
        """Let go of locks and files."""
        self.bench.die()
