"""Known pictures come again under other labels: what does the model lose, and what does it gain by right ones?

    python -m tests.benchmarks.relabel [--data FILE.npz] [--runs 20] [--first-seed 0] [--kinds all,class] [--json]

Without --data: the digits of scikit-learn. The learner is the daemon's own, with rounds, store and gate; only Redis,
Kafka and the exporter are stood in for.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from numpy.typing import NDArray

from daemon.learn.learner import Learner
from model.examples import Examples
from model.judging.answers import evaluate
from model.store import StoreRules
from tests.benchmarks.learning.data import DataError
from tests.benchmarks.streamed import load
from tests.support.learners import Bench

KINDS = ("all", "class", "trickle", "right")
BEFORE, AFTER = 10, 10
"""Windows before the first relabel, and clean ones from then on."""
SAMPLES, SAMPLES_DIGITS = 500, 65
TRICKLE, FLIPPED = 0.02, 0.05
LOSS_MAX = 0.01


@dataclass(frozen=True)
class Run:
    """One seeded run. Accuracies are the champion's on all clean test images."""

    kind: str
    seed: int
    before: float
    """Just before the first relabel."""
    worst: float
    """The lowest of any champion after it."""
    final: float
    control: float
    """The last champion's of the same run without the relabels."""
    control_loss: float
    """The most that a champion of that run lay below the one before the same moment."""
    outcomes: dict[str, int]
    """What became of the relabels."""
    seconds: float

    @property
    def loss(self) -> float:
        """The most that a champion lay below the one before the first relabel; by itself it goes up and down, too."""
        return self.before - self.worst

    @property
    def gain(self) -> float:
        """What the last champion has above that of the run without relabels."""
        return self.final - self.control


@dataclass
class Stream:
    """A learner, what it was sent, and how its champions did."""

    bench: Bench
    learner: Learner
    classes: list[str]
    test: Examples

    def feed(self, pixels_NHWC: NDArray[np.uint8], labels: NDArray[np.int64], source: str) -> None:
        """Send pictures, and let the learner come to rest."""
        for start in range(0, len(labels), self.bench.samples):
            part = slice(start, start + self.bench.samples)
            self.bench.feed_pictures(pixels_NHWC[part], [self.classes[label] for label in labels[part]], source)
            self.bench.now_ms += 60_000
            while self.learner.run_once():
                pass

    def accuracy(self) -> float:
        """Return the champion's accuracy; 0 before there is one."""
        network = self.learner.round.judge.champion_network()
        return 0.0 if network is None else evaluate(network, [self.test], 1000).accuracy or 0.0

    def outcomes(self) -> dict[str, int]:
        """Return what became of all relabels; nothing where the learner keeps no book of them."""
        book = getattr(self.learner.directory.ledger, "relabels", None)
        counts: Counter[str] = Counter()
        for one in book.counts() if book else ():
            counts[one.outcome] += one.pictures
        return dict(counts)


def relabelled(
    kind: str, truth: NDArray[np.int64], sent: NDArray[np.int64], classes: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of the known pictures come again at once, and under which labels."""
    every = np.arange(len(truth))
    if kind == "all":
        return every, (truth + rng.integers(1, classes, len(truth))) % classes
    if kind == "class":
        victim, other = rng.choice(classes, 2, replace=False)
        chosen = every[truth == victim]
        return chosen, np.full(len(chosen), other)
    if kind == "right":
        return every[sent != truth], truth[sent != truth]
    return every[:0], truth[:0]


def play(kind: str, seed: int, train: Examples, test: Examples, samples: int, *, quiet: bool = False) -> Run:
    """Stream the windows into a learner, with the relabels of a kind or (`quiet`) without, and follow its champion."""
    began = time.perf_counter()
    classes = [f"class-{index}" for index in range(int(train.labels.max()) + 1)]
    rng, later = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    chosen = rng.permutation(len(train.labels))[: (BEFORE + AFTER) * samples].reshape(-1, samples)
    known = chosen[:BEFORE].ravel()
    truth = train.labels[known]
    sent = truth.copy()
    if kind == "right":
        wrong = rng.random(len(sent)) < FLIPPED
        sent[wrong] = (sent[wrong] + rng.integers(1, len(classes), wrong.sum())) % len(classes)
    with tempfile.TemporaryDirectory() as folder:
        rules = StoreRules(closed_classes=tuple(classes))
        bench = Bench(Path(folder), samples, rules, size=train.pixels_NHWC.shape[1], batch=64)
        bench.seed = seed
        stream = Stream(bench, bench.learner(), classes, test)
        stream.feed(train.pixels_NHWC[known], sent, "producer")
        before = stream.accuracy()
        if not quiet:
            places, labels = relabelled(kind, truth, sent, len(classes), later)
            stream.feed(train.pixels_NHWC[known[places]], labels, "second producer")
        accuracies = [stream.accuracy()]
        for number, keys in enumerate(chosen[BEFORE:]):
            fresh, labels = keys, train.labels[keys]
            if kind == "trickle" and not quiet:
                again = later.choice(chosen[: BEFORE + number].ravel(), max(1, round(TRICKLE * samples)), replace=False)
                wrong_ones = (train.labels[again] + later.integers(1, len(classes), len(again))) % len(classes)
                fresh, labels = np.r_[again, keys[len(again) :]], np.r_[wrong_ones, labels[len(again) :]]
            stream.feed(train.pixels_NHWC[fresh], labels, "producer")
            accuracies.append(stream.accuracy())
        outcomes = stream.outcomes()
        bench.die()
    final = accuracies[-1]
    worst = min(accuracies)
    control, control_loss = final, before - worst
    if not quiet:
        twin = play(kind, seed, train, test, samples, quiet=True)
        control, control_loss = twin.final, twin.loss
    return Run(kind, seed, before, worst, final, control, control_loss, outcomes, time.perf_counter() - began)


def digits() -> tuple[Examples, Examples]:
    """Return scikit-learn's digits as RGB of 8 pixels: what is streamed, and the rest to test on."""
    from sklearn.datasets import load_digits

    read = load_digits()
    pixels = np.repeat((read.images * (255 / 16)).astype(np.uint8)[..., None], 3, axis=3)
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, labels = pixels[order], read.target[order].astype(np.int64)
    streamed = (BEFORE + AFTER) * SAMPLES_DIGITS
    return Examples(pixels[:streamed], labels[:streamed]), Examples(pixels[streamed:], labels[streamed:])


def main() -> int:
    """Run and tell; the exit status is 1 where the data cannot be measured on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    samples = SAMPLES if given.data else SAMPLES_DIGITS
    try:
        train, test = load(given.data, (BEFORE + AFTER) * samples) if given.data else digits()
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    runs = []
    for kind in given.kinds:
        for seed in range(given.first_seed, given.first_seed + given.runs):
            runs.append(play(kind, seed, train, test, samples))
            print(runs[-1], file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps([asdict(one) for one in runs], indent=1))
    else:
        tell(runs)
    return 0


def tell(runs: Sequence[Run]) -> None:
    """Write for each kind what was lost and gained, in points."""
    print(f"{len(runs)} runs, {torch.get_num_threads()} threads; accuracies in percent, differences in points")
    for kind in dict.fromkeys(one.kind for one in runs):
        some = [one for one in runs if one.kind == kind]
        outcomes: Counter[str] = Counter()
        for one in some:
            outcomes.update(one.outcomes)
        before, final, gain = (
            100 * float(np.mean([getattr(one, name) for one in some])) for name in ("before", "final", "gain")
        )
        print(
            f"{kind}: {before:.1f} before, {final:.1f} in the end, {gain:+.2f} against the same run without relabels;"
            f" more than 1 point lost in {sum(one.loss > LOSS_MAX for one in some)} of {len(some)},"
            f" {100 * max(one.loss for one in some):.2f} at most (without relabels in"
            f" {sum(one.control_loss > LOSS_MAX for one in some)}, {100 * max(one.control_loss for one in some):.2f});"
            f" relabels: {dict(outcomes)}"
        )


if __name__ == "__main__":
    sys.exit(main())
