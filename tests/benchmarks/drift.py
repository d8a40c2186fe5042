"""A stream changes at once: how many samples until the champion is as good again, with drift alarms and without?

    python -m tests.benchmarks.drift --data FILE.npz [--seeds 3] [--json]

First a still stream: as many training images as the file has, in random order; each alarm in it is a false one. Then
streams that change after BEFORE images: all images turned by 45 degrees, or inverted, or two labels change places. The
learner is the daemon's own, with rounds, screen, store and gate; only Redis, Kafka and the exporter are stood in for.
Images arrive in portions of PORTION, and a round is run whenever one is due.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import structlog
from rich.console import Console
from rich.table import Table
from scipy import ndimage

from daemon.config import Config
from model.examples import Examples
from model.store import StoreRules
from tests.benchmarks.learning.data import DataError
from tests.benchmarks.streamed import Stream, load, names_of, part

SAMPLES = 512
"""The default of round.samples."""
PORTION = 32
"""The default of round.min_samples, which is what an alarm brings a round forward to."""
BEFORE, AFTER = 10_240, 10_240
TESTED = 2_000
WITHIN = 0.03
"""The champion is back when it is so near to what it reaches at the end of the stream."""

Change = Callable[[Examples], Examples]


def turned(examples: Examples) -> Examples:
    """Turn every picture by 45 degrees."""
    pixels = ndimage.rotate(examples.pixels_NHWC, 45, axes=(1, 2), reshape=False, order=1)
    return Examples(pixels, examples.labels)


def inverted(examples: Examples) -> Examples:
    """Make dark what is light."""
    return Examples(255 - examples.pixels_NHWC, examples.labels)


def swapped(examples: Examples) -> Examples:
    """Let the first two labels change places."""
    labels = examples.labels.copy()
    labels[examples.labels == 0], labels[examples.labels == 1] = 1, 0
    return Examples(examples.pixels_NHWC, labels)


CHANGES: dict[str, Change] = {"turned": turned, "inverted": inverted, "swapped": swapped}


@dataclass(frozen=True)
class Run:
    """One seeded stream."""

    change: str
    seed: int
    alarms: bool
    recovered_after: int | None
    """Samples from the change until the champion was back; None: never."""
    fallen_to: float
    """The champion's accuracy on changed test images when the change came."""
    final: float


def open_stream(folder: Path, train: Examples, seed: int, delta: float) -> Stream:
    """Return a learner that knows all classes from the start, as it does where they are configured."""
    rules = StoreRules(closed_classes=tuple(names_of(np.unique(train.labels))))
    return Stream(folder, SAMPLES, rules, size=train.pixels_NHWC.shape[1], seed=seed, delta=delta)


def still(seed: int, train: Examples, delta: float) -> int:
    """Return the alarms in a stream that does not change."""
    order = np.random.default_rng(seed).permutation(len(train.labels))
    with tempfile.TemporaryDirectory() as folder:
        stream = open_stream(Path(folder), train, seed, delta)
        for start in range(0, len(order), PORTION):
            stream.feed(part(train, order[start : start + PORTION]))
        found = stream.alarms
        stream.bench.die()
    return found


def changing(name: str, seed: int, train: Examples, test: Examples, delta: float) -> Run:
    """Stream, change, and follow the champion on changed test images."""
    order = np.random.default_rng(seed).permutation(len(train.labels))[: BEFORE + AFTER]
    after = CHANGES[name](part(train, order[BEFORE:]))
    # Drawn, for files may be sorted by class.
    asked = CHANGES[name](part(test, np.random.default_rng(seed).permutation(len(test.labels))[:TESTED]))
    accuracies: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        stream = open_stream(Path(folder), train, seed, delta)
        for start in range(0, BEFORE, PORTION):
            stream.feed(part(train, order[start : start + PORTION]))
        fallen = stream.accuracy(asked)
        version = stream.learner.directory.ledger.newest_version()
        for start in range(0, AFTER, PORTION):
            stream.feed(part(after, np.arange(start, min(start + PORTION, AFTER))))
            newest = stream.learner.directory.ledger.newest_version()
            accuracies.append(accuracies[-1] if newest == version and accuracies else stream.accuracy(asked))
            version = newest
        stream.bench.die()
    back = next((index for index, one in enumerate(accuracies, 1) if one >= accuracies[-1] - WITHIN), None)
    # A champion that never learnt the change is "back" at once: near to an end that is as bad as the beginning.
    learnt = accuracies[-1] > fallen + WITHIN
    return Run(name, seed, delta > 0, back * PORTION if back and learnt else None, fallen, accuracies[-1])


def main() -> int:
    """Measure and print; the exit status is 1 where a still stream raised an alarm, or on unfit data."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        train, test = load(given.data, BEFORE + AFTER)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    delta = Config().round.drift_delta
    runs: list[Run] = []
    for seed in range(given.seeds):
        for name in CHANGES:
            for one in (delta, 0.0):
                runs.append(changing(name, seed, train, test, one))
                sys.stderr.write(f"{runs[-1]}\n")
    false_alarms = [still(seed, train, delta) for seed in range(given.seeds)]
    report = {"still_samples": len(train.labels), "false_alarms": false_alarms, "runs": [asdict(one) for one in runs]}
    if given.json:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        show(runs, false_alarms, len(train.labels))
    return int(any(false_alarms))


def show(runs: list[Run], false_alarms: list[int], samples: int) -> None:
    """Print a table, and how it was obtained."""
    table = Table(title="samples from the change until the champion is back, medians")
    for column in ("change", "fallen to", "back at", "with alarms", "without", "never back"):
        table.add_column(column)
    for name in CHANGES:
        own = [one for one in runs if one.change == name]
        sides = {alarms: [one.recovered_after for one in own if one.alarms is alarms] for alarms in (True, False)}
        known = {key: [one for one in side if one is not None] for key, side in sides.items()}
        table.add_row(
            name,
            f"{statistics.mean(one.fallen_to for one in own):.1%}",
            f"{statistics.mean(one.final for one in own):.1%}",
            *(f"{statistics.median(side):.0f}" if side else "-" for side in (known[True], known[False])),
            str(sum(one.recovered_after is None for one in own)),
        )
    console = Console()
    console.print(table)
    console.print(f"alarms in still streams of {samples} images, by seed: {false_alarms}", highlight=False)
    console.print(
        f"{BEFORE} images, then {AFTER} changed ones, in portions of {PORTION}; rounds of {SAMPLES} unless an alarm "
        f"brings one forward; back: within {WITHIN:.0%} of the end's accuracy on {TESTED} changed test images",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
