"""Does a model that has learnt for long still learn what is new as well as a fresh one?

    python -m tests.benchmarks.plasticity --data FILE.npz [--rounds 200] [--seed N] [--picture FILE.png] [--json]

The daemon's own rounds learn task after task: every ten rounds three classes drawn anew, their pixels shuffled in an
order that no task had before, under new labels. Every 20 rounds a copy of the state learns a fixed task that it has not
seen, made in the same way from test images, for a fixed number of steps, and answers the rest of these images, choosing
among the task's classes. Round 0 is a network from scratch. The exit status is 1 where the last fifth of the curve lies
more than 2 points below the first fifth.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from model.examples import Examples
from model.judging.answers import evaluate
from model.learning.plan import Plan
from model.learning.state import LearnerState, new_state
from model.learning.trainer import train
from model.network.build import build
from model.network.normalisation import normalisation_of
from model.network.spec import NetworkSpec
from model.seeding import seed_of
from tests.benchmarks.learning.data import Data, DataError, Split, load
from tests.benchmarks.learning.ours import Settings, Tidemill
from tests.benchmarks.learning.protocols import Stream, Task

CLASSES = 3
"""Of a task."""
TASK_ROUNDS = 10
EVERY = 20
"""Rounds between two probes."""
REPEATS = 5
"""Probes of a state, each with other images to learn, and from scratch with other first weights."""
PROBE_CLASSES = (2, 4, 6)
"""In Fashion-MNIST pullover, coat and shirt, which are the hardest to tell apart."""
LOSS_MAX = 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """How large everything is. A probe takes as many steps as eight of the rounds."""

    rounds: int = 200
    every: int = EVERY
    window: int = 256
    probe_images: int = 1_024
    probe_passes: int = 2
    probe_steps: int = 64


@dataclass(frozen=True, slots=True)
class Point:
    """What a state came to after some rounds. Accuracies in 0..1."""

    round: int
    classes: int
    accuracy: float
    deviation: float
    """Over the repeats."""


def shuffled(pixels_NHWC: NDArray[np.uint8], order: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the images with their pixels in another order, the same for all."""
    n, height, width, channels = pixels_NHWC.shape
    return pixels_NHWC.reshape(n, height * width, channels)[:, order].reshape(n, height, width, channels)


def make_stream(data: Data, size: Size, seed: int) -> Stream:
    """Return tasks of ten windows each, the last one cut to the number of rounds; no two share a label."""
    rng = np.random.default_rng([seed, 2027])
    tasks, classes = [], []
    for first in range(0, size.rounds, TASK_ROUNDS):
        chosen = rng.permutation(len(data.classes))[:CLASSES]
        keys = rng.permutation(np.flatnonzero(np.isin(data.train.labels, chosen)))
        keys = keys[: size.window * min(TASK_ROUNDS, size.rounds - first)]
        pixels = shuffled(data.train.pixels_NHWC[keys], rng.permutation(data.size**2))
        labels = np.searchsorted(np.sort(chosen), data.train.labels[keys]) + len(classes)
        classes += [f"task {first // TASK_ROUNDS:03d} class {data.classes[one]}" for one in np.sort(chosen)]
        none = Split(pixels[:0], labels[:0])
        tasks.append(Task(Split(pixels, labels), none, np.unique(labels)))
    return Stream(tuple(tasks), tuple(classes))


class Probe:
    """The task that is always the same: what to learn it from, and what to answer."""

    def __init__(self, data: Data, size: Size, settings: Settings) -> None:
        rng = np.random.default_rng(2028)
        wanted = [one if one < len(data.classes) else rank for rank, one in enumerate(PROBE_CLASSES)]
        keys = rng.permutation(np.flatnonzero(np.isin(data.test.labels, wanted)))
        whole = Split(
            shuffled(data.test.pixels_NHWC[keys], rng.permutation(data.size**2)),
            np.searchsorted(np.sort(wanted), data.test.labels[keys]).astype(np.int64),
        )
        self._pixels, self._labels = whole.rgb(np.arange(len(keys))), whole.labels
        self._size, self._settings = size, settings

    def ask(self, file: Path | None, repeat: int) -> float:
        """Let a copy of a state, or a network from scratch, learn the task; return its accuracy on the rest."""
        order = np.random.default_rng([repeat, 2029]).permutation(len(self._labels))
        learnt, held = np.split(order, [self._size.probe_images])
        state = self._fresh(self._pixels[learnt], repeat) if file is None else LearnerState.load(file)
        old = len(state.classes) if file is not None else 0
        if file is not None:
            names = (f"probe {one}" for one in range(CLASSES))
            state.grow((*state.classes, *names), seed_of(repeat, 0, "growth"))
        train(
            state,
            Examples(self._pixels[learnt], self._labels[learnt] + old),
            Examples.none(state.network.spec.size),
            np.zeros(len(state.classes)),
            Plan(self._size.probe_steps, self._size.probe_passes * self._size.probe_images, 0),
            self._settings.training,
            seed=repeat,
            round_number=1,
            clock=time.monotonic,
        )
        return self._accuracy(state, held, old)

    def _accuracy(self, state: LearnerState, held: NDArray[np.int64], old: int) -> float:
        """Score the last weights, not their average, which follows the slower the older it is."""
        head = state.network.head
        with torch.no_grad():
            head.weight, head.bias = (torch.nn.Parameter(one[old:].clone()) for one in (head.weight, head.bias))
        return evaluate(state.network, [Examples(self._pixels[held], self._labels[held])]).accuracy or 0.0

    def _fresh(self, pixels_NHWC: NDArray[np.uint8], repeat: int) -> LearnerState:
        spec = NetworkSpec(self._settings.architecture, int(pixels_NHWC.shape[1]), CLASSES)
        network = build(spec, seed_of(repeat, 0, "weights"))
        network.set_normalisation(normalisation_of([pixels_NHWC]))
        return new_state(network, tuple(f"probe {one}" for one in range(CLASSES)))


def measure(data: Data, size: Size, seed: int) -> list[Point]:
    """Run the rounds, probing on the way."""
    architecture = f"model.network.mlp:{'grey_mlp' if data.grey else 'mlp'}"
    settings = Settings(architecture, None, 1, seed, size.window)
    stream, probe = make_stream(data, size, seed), Probe(data, size, settings)
    points = [_point(probe, 0, 0, None)]
    with Tidemill(stream, settings) as tidemill:
        windows = (window for task in stream.tasks for window in tidemill.windows(task))
        for number, window in enumerate(windows, 1):
            tidemill.learn(window)
            digest = tidemill.directory.ledger.current_state()
            if number % size.every == 0 and digest is not None:
                known = len(tidemill.directory.ledger.classes())
                points.append(_point(probe, number, known, tidemill.directory.weights_path(digest)))
                sys.stderr.write(f"round {number}: {points[-1].accuracy:.2%}\n")
    return points


def _point(probe: Probe, number: int, classes: int, file: Path | None) -> Point:
    found = [probe.ask(file, repeat) for repeat in range(REPEATS)]
    return Point(number, classes, statistics.mean(found), statistics.stdev(found))


def lost(points: list[Point]) -> float:
    """Return how far the last fifth of the curve lies below the first fifth, in 0..1."""
    fifth = max(1, len(points) // 5)
    first, last = ([one.accuracy for one in part] for part in (points[:fifth], points[-fifth:]))
    return statistics.mean(first) - statistics.mean(last)


def draw(points: list[Point], path: Path) -> None:
    """Write a PNG of the curve, with the network from scratch as a line across."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    percents, spread = ([100 * getattr(one, key) for one in points] for key in ("accuracy", "deviation"))
    axes.errorbar([one.round for one in points], percents, spread, marker="o", capsize=3, label="a copy of the state")
    axes.axhline(percents[0], color="black", linestyle="--", label="a network from scratch")
    axes.set_xlabel("rounds learnt before")
    axes.set_ylabel("right on a new task, in %")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def show(points: list[Point]) -> None:
    """Print the curve."""
    table = Table("rounds before", "classes known", "accuracy on the new task", "±", "against scratch")
    for one in points:
        ahead = 100 * (one.accuracy - points[0].accuracy)
        table.add_row(
            str(one.round), str(one.classes), f"{one.accuracy:.2%}", f"{100 * one.deviation:.2f}", f"{ahead:+.2f}"
        )
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    console.print(
        f"last fifth below the first by {100 * lost(points):.2f} points (at most {100 * LOSS_MAX:.0f} wanted)"
    )
    console.print(
        f"means of {REPEATS} probes; ±: their deviation. From scratch: round 0. One torch thread.", highlight=False
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, metavar="FILE.png")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        points = measure(load(given.data), Size(rounds=given.rounds), given.seed)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if given.picture:
        draw(points, given.picture)
    if given.json:
        print(json.dumps({"seed": given.seed, "lost": lost(points), "points": [asdict(one) for one in points]}))
    else:
        show(points)
    return int(lost(points) > LOSS_MAX)


if __name__ == "__main__":
    sys.exit(main())
