"""A producer sends shuffled labels for three windows in the middle of a clean stream: what does the model lose?

    python -m tests.benchmarks.poison --data FILE.npz [--runs 100] [--first-seed 0] [--json]

The learner is the daemon's own, with rounds, store and gate; only Redis, Kafka and the exporter are stood in for.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import structlog
import torch

from model.examples import Examples
from model.judging.answers import evaluate
from model.store import StoreRules
from model.store.viewing import Viewer
from tests.benchmarks.learning.data import DataError
from tests.benchmarks.streamed import load
from tests.support.learners import Bench

WINDOWS, SAMPLES = 20, 500
POISONED = (9, 10, 11)
LOSS_MAX = 0.01


@dataclass(frozen=True)
class Run:
    """One seeded run. Accuracies are the champion's on all clean test images."""

    seed: int
    loss: float
    """The most that a champion lay below the best before it, from the first bad window on."""
    loss_ever: float
    """The same over the whole run: early versions go up and down by themselves."""
    final: float
    poisoned: list[str]
    """What became of each bad window."""
    clean_lost: int
    """Clean windows that were not learnt in the end."""
    seconds: float

    @property
    def good(self) -> bool:
        return self.loss <= LOSS_MAX and self.clean_lost == 0 and set(self.poisoned) == {"quarantined"}


def play(seed: int, train: Examples, test: Examples, folder: Path) -> Run:
    """Stream the windows into a learner, and follow its champion."""
    began = time.perf_counter()
    classes = [f"class-{index}" for index in range(int(train.labels.max()) + 1)]
    bench = Bench(folder, SAMPLES, StoreRules(closed_classes=tuple(classes)), size=train.pixels_NHWC.shape[1], batch=64)
    bench.seed = seed
    learner = bench.learner()
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(train.labels))[: WINDOWS * SAMPLES].reshape(WINDOWS, SAMPLES)
    accuracies: list[tuple[int, float]] = []
    rounds_of: dict[int, int] = {}

    def turn() -> bool:
        busy = learner.run_once()
        champion = learner.directory.ledger.champion()
        if champion is not None and champion.version > len(accuracies):
            network = learner.round.judge.champion_network()
            accuracies.append((len(rounds_of), evaluate(network, [test], 1000).accuracy))
        return busy

    for number, keys in enumerate(chosen):
        labels = train.labels[keys]
        if number in POISONED:
            labels = rng.permutation(labels)
        bench.feed_pictures(train.pixels_NHWC[keys], [classes[label] for label in labels], f"producer-{number}")
        while True:
            before = learner.directory.ledger.last_round()
            turn()
            after = learner.directory.ledger.last_round()
            if after > before and not learner.directory.ledger.was_retry(after):
                rounds_of[number] = after
                break
    while turn():
        pass
    with Viewer(bench.folder / "state") as viewer:
        aside = {parcel.parcel: parcel.role.value for parcel in viewer.parcels()}
    bench.die()
    fates = {number: aside.get(taken, "learnt") for number, taken in rounds_of.items()}
    late = [one for one in accuracies if one[0] >= POISONED[0]]
    start = max((value for at, value in accuracies if at < POISONED[0]), default=0.0)
    return Run(
        seed=seed,
        loss=fall([start, *(value for _, value in late)]),
        loss_ever=fall([value for _, value in accuracies]),
        final=accuracies[-1][1],
        poisoned=[fates[number] for number in POISONED],
        clean_lost=sum(fate != "learnt" for number, fate in fates.items() if number not in POISONED),
        seconds=time.perf_counter() - began,
    )


def fall(values: list[float]) -> float:
    """Return the most that a value lies below the best before it."""
    best = np.maximum.accumulate(values)
    return float((best - values).max())


def main() -> int:
    """Run and tell; the exit status is 1 where the data cannot be measured on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        train, test = load(given.data, WINDOWS * SAMPLES)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    runs = []
    for seed in range(given.first_seed, given.first_seed + given.runs):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(play(seed, train, test, Path(folder)))
        print(runs[-1], file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps([asdict(one) for one in runs], indent=1))
    else:
        tell(runs)
    return 0


def tell(runs: list[Run]) -> None:
    """Write what went wrong how often."""
    n = len(runs)
    fates = Counter(fate for one in runs for fate in one.poisoned)
    print(f"{n} runs, {torch.get_num_threads()} threads, {sum(one.seconds for one in runs) / n:.1f} s each")
    print(f"all as it should be: {sum(one.good for one in runs)} of {n}")
    print(f"champion more than 1 point below its best, from the first bad window on: {count(runs, 'loss')} of {n}")
    print(f"the same at any time: {count(runs, 'loss_ever')} of {n}")
    print(f"worst loss {100 * max(one.loss for one in runs):.2f} points")
    print(f"bad windows: {dict(fates)} of {3 * n}")
    print(f"clean windows not learnt: {sum(one.clean_lost for one in runs)} of {(WINDOWS - 3) * n}")
    print(f"final accuracy {100 * np.mean([one.final for one in runs]):.2f} %")


def count(runs: list[Run], name: str) -> int:
    """Return in how many runs a loss is too large."""
    return sum(getattr(one, name) > LOSS_MAX for one in runs)


if __name__ == "__main__":
    sys.exit(main())
