"""How well wrong labels are found: images are streamed with some labels flipped, then the store is ranked.

    python -m tests.benchmarks.mislabelled --data fashion-mnist.npz [--flipped 0.05] [--seeds N] [--json]

The learner is the daemon's own round, as in tests.benchmarks.learning: all training images once, shuffled (`iid`), all
of them stored, a multilayer perceptron of 400-400 units. A flipped label is any other class with the same chance. The
exit status is 1 where fewer than 90 % of the first 500 samples are flipped ones, in the mean over the seeds.
"""

import argparse
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import torch
from numpy.typing import NDArray

from model.store.viewing import Viewer
from tests.benchmarks.learning import protocols
from tests.benchmarks.learning.data import Data, DataError, Split, load
from tests.benchmarks.learning.ours import Settings, Tidemill
from tests.benchmarks.learning.protocols import Stream

FIRST = (100, 500, 1_000)
GOAL_FIRST, GOAL = 500, 0.9
RECALL_FIRST = 3_000
"""As many as are flipped of the 60,000 training images of Fashion-MNIST at 5 %."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one seed came to."""

    seed: int
    flipped: int
    precision: dict[int, float]
    """Share of flipped labels among the first so many of the ranking."""
    recall: float
    """Share of all flipped labels among the first 3,000."""
    seconds: float


def flip(stream: Stream, share: float, seed: int) -> tuple[Stream, NDArray[np.bool_]]:
    """Return the stream with `share` of its labels flipped, and [images] which ones, in order of arrival."""
    rng = np.random.default_rng([seed, 500])
    tasks, wrong = [], []
    for task in stream.tasks:
        labels = task.train.labels.copy()
        chosen = rng.random(len(labels)) < share
        other = labels[chosen] + rng.integers(1, len(stream.classes), int(chosen.sum()))
        labels[chosen] = other % len(stream.classes)
        tasks.append(replace(task, train=Split(task.train.pixels_NHWC, labels)))
        wrong.append(chosen)
    return replace(stream, tasks=tuple(tasks)), np.concatenate(wrong)


def find(data: Data, seed: int, share: float, window: int) -> Found:
    """Stream the images through rounds, and hold the ranking against what was flipped."""
    began = time.perf_counter()
    stream, wrong = flip(protocols.make("iid", data, seed), share, seed)
    architecture = f"model.network.mlp:{'grey_mlp' if data.grey else 'mlp'}"
    with Tidemill(stream, Settings(architecture, None, 1, seed, window)) as tidemill:
        for task in stream.tasks:
            for one in tidemill.windows(task):
                tidemill.learn(one)
        with Viewer(tidemill.directory.path) as viewer:
            ranking = [suspect.name.offset for suspect in viewer.suspects(max(*FIRST, RECALL_FIRST))]
    return Found(seed, int(wrong.sum()), *scored(ranking, wrong), time.perf_counter() - began)


def scored(ranking: Sequence[int], wrong: NDArray[np.bool_]) -> tuple[dict[int, float], float]:
    """Return precision and recall of a ranking of places in `wrong`. A place that is not filled is not found."""
    hits = wrong[np.array(ranking, np.int64)]
    return {n: float(hits[:n].sum() / n) for n in FIRST}, float(hits[:RECALL_FIRST].sum() / max(1, wrong.sum()))


def main() -> int:
    """Measure and print."""
    options = arguments()
    torch.set_num_threads(1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        data = load(options.data, images=options.images)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    runs = []
    for seed in range(options.seeds):
        runs.append(find(data, seed, options.flipped, options.window))
        sys.stderr.write(f"seed {seed}: {runs[-1].precision[GOAL_FIRST]:.1%} in {runs[-1].seconds:.0f} s\n")
    report = summary(runs, data, options)
    sys.stdout.write(json.dumps(report) + "\n" if options.json else told(report))
    return 0 if report["reached"] else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.mislabelled",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--flipped", type=float, default=0.05, help="share of labels to flip (%(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="runs, each of another order and other flips (1)")
    parser.add_argument("--images", type=int, default=0, help="use so many training images only")
    parser.add_argument("--window", type=int, default=512, help="images of a round (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


def summary(runs: Sequence[Found], data: Data, options: argparse.Namespace) -> dict[str, Any]:
    """Return means over the seeds, and how they were obtained."""
    precision = {n: statistics.mean(one.precision[n] for one in runs) for n in FIRST}
    return {
        "precision": precision,
        "recall": statistics.mean(one.recall for one in runs),
        "reached": precision[GOAL_FIRST] >= GOAL,
        "flipped": options.flipped,
        "images": len(data.train),
        "window": options.window,
        "data": {"file": options.data.name, "digest": data.digest},
        "threads": torch.get_num_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "runs": [asdict(one) for one in runs],
    }


def told(report: dict[str, Any]) -> str:
    """Return the report as lines."""
    runs = report["runs"]
    data = f"{report['data']['file']}: {report['images']} training images once, shuffled, {report['window']} a round"
    machine = f"{report['threads']} thread, {report['cores']} cores"
    seconds = statistics.mean(one["seconds"] for one in runs)
    lines = [
        f"{data}; {report['flipped']:.1%} of the labels flipped",
        f"seeds {', '.join(str(one['seed']) for one in runs)}; {machine}, {seconds:.0f} s each",
        *(f"precision of the first {n}: {value:.1%}" for n, value in report["precision"].items()),
        f"recall within the first {RECALL_FIRST}: {report['recall']:.1%}",
        f"goal (first {GOAL_FIRST}, at least {GOAL:.0%}): {'reached' if report['reached'] else 'missed'}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
