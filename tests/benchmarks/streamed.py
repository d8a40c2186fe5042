"""A stream of labelled images into a learner: the daemon's own, but for Redis, Kafka and the exporter."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.learn.drift import DriftWatch
from model.examples import Examples
from model.judging.answers import evaluate
from model.store import StoreRules
from tests.benchmarks.learning import data
from tests.benchmarks.learning.data import DataError
from tests.support.learners import Bench


def load(file: Path, images: int) -> tuple[Examples, Examples]:
    """Return training and test images as RGB, labelled with the numbers of their classes from 0 on.

    Raises DataError where the file cannot be measured on, or has less than so many training images.
    """
    read = data.load(file)
    if len(read.train) < images:
        raise DataError(f"{file} has {len(read.train)} training images; {images} are needed")
    train, test = (Examples(one.rgb(np.arange(len(one))), one.labels) for one in (read.train, read.test))
    return train, test


def names_of(labels: NDArray[np.int64]) -> list[str]:
    """Return the classes' names."""
    return [f"class-{label}" for label in labels]


def part(examples: Examples, chosen: NDArray[np.int64]) -> Examples:
    """Return some of the examples."""
    return Examples(examples.pixels_NHWC[chosen], examples.labels[chosen])


class Stream:
    """A learner, and the images that it is fed."""

    def __init__(
        self, folder: Path, samples: int, rules: StoreRules, *, size: int, seed: int, delta: float = 0.0
    ) -> None:
        """Let a round start at `samples` images of `size` pixels; `delta` is `round.drift_delta`."""
        self.bench = Bench(folder, samples, rules, size=size, batch=64)
        self.bench.seed = seed
        self.learner = self.bench.learner()
        self.alarms = 0
        self.learner.drift = DriftWatch(self.learner.directory, self, delta)

    def drift_detected(self, _classes: list[str]) -> None:
        """Count an alarm: the watch tells its observer."""
        self.alarms += 1

    def feed(self, examples: Examples) -> None:
        """Hand in a portion, and run what rounds are due."""
        self.bench.feed_pictures(examples.pixels_NHWC, names_of(examples.labels), "benchmark")
        while self.learner.run_once():
            pass

    def accuracy(self, test: Examples) -> float:
        """Return the champion's accuracy; 0 before there is one."""
        network = self.learner.round.judge.champion_network()
        if network is None:
            return 0.0
        names = np.array(self.learner.directory.ledger.classes())
        right = names[evaluate(network, [test], 1000).predicted] == np.array(names_of(test.labels))
        return float(right.mean())
