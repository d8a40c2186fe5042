"""A class arrives that takes points from its neighbours, as Coat does from Pullover: is it let in?

    python -m tests.benchmarks.arrival --data FILE.npz [--classes 4,2] [--seeds 10] [--json]

Each stream holds all classes but one, and that one, too, after BEFORE images. The learner is the daemon's own, with
rounds, screen, store and gate; only Redis, Kafka and the exporter are stood in for.
"""

import argparse
import json
import logging
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import structlog

from model.examples import Examples
from model.store import StoreRules
from tests.benchmarks.learning.data import DataError
from tests.benchmarks.streamed import Stream, load, part

WINDOW = 512
BEFORE, AFTER = 12 * WINDOW, 12 * WINDOW


@dataclass(frozen=True)
class Run:
    """One seeded stream."""

    arriving: int
    """The class's number: its place among the sorted labels, from 0 on."""
    seed: int
    refused: int
    """Candidates found harmful from the arrival on."""
    aside: int
    """Samples that were set aside in the end."""
    before: float
    """Accuracy of the others' test images when the class arrived."""
    others: float
    """The same at the end."""
    arrived: float
    """Accuracy of the arrived class's test images at the end."""


def play(arriving: int, seed: int, train: Examples, test: Examples) -> Run:
    """Stream, let the class arrive, and look at what the gate said."""
    rng = np.random.default_rng(seed)
    others = rng.permutation(np.flatnonzero(train.labels != arriving))
    everything = rng.permutation(np.setdiff1d(np.arange(len(train.labels)), others[:BEFORE]))
    own = test.labels == arriving
    asked = part(test, np.flatnonzero(~own)), part(test, np.flatnonzero(own))
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(Path(folder), WINDOW, StoreRules(), size=train.pixels_NHWC.shape[1], seed=seed)
        ledger = stream.learner.directory.ledger
        for start in range(0, BEFORE, WINDOW):
            stream.feed(part(train, others[start : start + WINDOW]))
        arrival, before = ledger.last_round(), stream.accuracy(asked[0])
        for start in range(0, AFTER, WINDOW):
            stream.feed(part(train, everything[start : start + WINDOW]))
        refused = sum(one["outcome"] == "refused" for one in ledger.rounds(after=arrival))
        counts = ledger.counts()
        run = Run(
            arriving,
            seed,
            refused,
            counts["suspect"] + counts["quarantined"],
            before,
            stream.accuracy(asked[0]),
            stream.accuracy(asked[1]),
        )
        stream.bench.die()
    return run


def main() -> int:
    """Measure and print; the exit status is 1 where an arrival was refused, or on unfit data."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--classes", type=numbers, default="4,2", help="numbers of the classes that arrive late, each in its own runs"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        train, test = load(given.data, BEFORE + AFTER)
        for arriving in given.classes:
            check(arriving, train, test)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    runs = []
    for arriving in given.classes:
        for seed in range(given.seeds):
            runs.append(play(arriving, seed, train, test))
            sys.stderr.write(f"{runs[-1]}\n")
    if given.json:
        sys.stdout.write(json.dumps([asdict(one) for one in runs]) + "\n")
        return int(any(one.refused for one in runs))
    for arriving in sorted({one.arriving for one in runs}):
        own = [one for one in runs if one.arriving == arriving]
        sys.stdout.write(
            f"class {arriving}: {len(own)} streams, {sum(one.refused for one in own)} candidates refused in "
            f"{sum(one.refused > 0 for one in own)} of them, {sum(one.aside for one in own)} samples left aside; "
            f"others {mean(own, 'before'):.1%} before, {mean(own, 'others'):.1%} after; itself "
            f"{mean(own, 'arrived'):.1%}\n"
        )
    return int(any(one.refused for one in runs))


def numbers(text: str) -> list[int]:
    """Read numbers of classes."""
    if not all(one.isdecimal() for one in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers from 0 on, as 4,2")
    return [int(one) for one in text.split(",")]


def check(arriving: int, train: Examples, test: Examples) -> None:
    """Raise DataError where a class cannot arrive late."""
    others = train.labels[train.labels != arriving]
    if len(others) == len(train.labels):
        raise DataError(f"there is no class {arriving}: the data has classes 0 to {train.labels.max()}; see --classes")
    if len(np.unique(others)) < 2:
        raise DataError("there are two classes; three are needed, for two are to be told apart before one arrives")
    if len(others) < BEFORE:
        raise DataError(f"beside class {arriving} there are {len(others)} training images; {BEFORE} are needed")
    if len(np.unique(test.labels == arriving)) < 2:
        raise DataError(f"there are no test images of class {arriving}, or of no other")


def mean(runs: list[Run], name: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([getattr(one, name) for one in runs]))


if __name__ == "__main__":
    sys.exit(main())
