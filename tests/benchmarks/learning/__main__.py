"""How well Tidemill learns a stream, beside others on the same data with as many sample-gradients.

    python -m tests.benchmarks.learning --data fashion-mnist.npz [--protocol split|iid|rotate|noise|imbalance]
        [--memory all|N] [--seeds N] [--budget K] [--peers [NAME,...]] [--json]

The file has train_images, train_labels, test_images, test_labels: uint8, [n, h, w] or [n, h, w, 3].
"""

import argparse
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog
import torch
from pydantic import ValidationError

from daemon.config.learning import Learning, Model
from model.learning.options import TrainOptions
from model.network.build import check_architecture
from model.network.errors import NetworkError
from model.network.spec import NetworkSpec
from tests.benchmarks.learning import ours, peers, plain, protocols
from tests.benchmarks.learning.data import Data, DataError, for_choosing, listed, load
from tests.benchmarks.learning.metrics import Figures, figures, never_learnt
from tests.benchmarks.learning.ours import Run, Settings
from tests.benchmarks.learning.protocols import Stream
from tests.benchmarks.learning.tables import show

TIDEMILL = "tidemill"
REPLAY = "plain-replay"
OTHERS = (REPLAY, *plain.PLAIN, *peers.SETTINGS)
NOISE_ROBUSTNESS = 0.3
"""What docs/operations.md advises where many labels are wrong."""
WARNINGS = structlog.make_filtering_bound_logger(logging.WARNING)
CHOOSING_SEED = 100
"""Seeds from here on are for choosing; figures are reported on seeds from 0 on."""


def main() -> int:
    """Measure and print; the exit status is 1 where data or peers cannot be had."""
    options = arguments()
    # The daemon's own log goes where progress goes: standard output is the report's.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr), wrapper_class=WARNINGS)
    torch.set_num_threads(options.threads)
    try:
        data = load(options.data, size=options.size, images=options.images)
        report = measure(for_choosing(data, CHOOSING_SEED) if options.choose else data, options)
    except (DataError, peers.PeersError, NetworkError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.json:
        sys.stdout.write(json.dumps(report, allow_nan=False) + "\n")
    else:
        show(report)
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--protocol", choices=protocols.PROTOCOLS, default="split")
    parser.add_argument("--memory", type=memory, default=None, metavar="all|N", help="training images kept (all)")
    parser.add_argument("--seeds", type=positive, default=3, help="runs, each of another order and first weights (3)")
    parser.add_argument("--budget", type=positive, default=1, metavar="K", help="of 2 K gradients for each image (1)")
    parser.add_argument("--peers", type=names, nargs="?", const=OTHERS, default=(), metavar="NAME,...", help="beside "
                        f"others: all, or some of {', '.join(OTHERS)}")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--architecture", default="", help="instead of a multilayer perceptron with 400-400 units")
    parser.add_argument("--window", type=positive, default=None, help=f"images of a round ({ours.WINDOW}; less where a "
                        "task is small, for a label becomes a class with its second window)")  # fmt: skip
    parser.add_argument("--size", type=positive, default=0, help="resize to so many pixels")
    parser.add_argument("--images", type=positive, default=0, help="use so many training images only")
    parser.add_argument("--choose", action="store_true", help="other seeds, and a part of the training images in place "
                        "of the test images: for choosing settings")  # fmt: skip
    parser.add_argument("--robustness", type=learning("robustness"), default=None, metavar="Q",
                        help="learning.robustness (0.3 for noise, else 0)")  # fmt: skip
    parser.add_argument("--recall", type=learning("recall"), default=TrainOptions().recall, help="learning.recall "
                        "(%(default)s)")  # fmt: skip
    parser.add_argument("--margin", type=learning("margin"), default=TrainOptions().margin, help="learning.margin "
                        "(%(default)s)")  # fmt: skip
    parser.add_argument("--steady", action="store_true", help="as much replay with each window: round.save_replay off")
    parser.add_argument("--threads", type=positive, default=1, help="of torch (1)")
    return parser.parse_args()


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def learning(key: str) -> Callable[[str], float]:
    """Return what reads a key of `[learning]` within the bounds that the daemon's configuration has for it."""

    def read(text: str) -> float:
        try:
            return float(getattr(Learning.model_validate({key: text}), key))
        except ValidationError as error:
            said = error.errors()[0]["msg"].replace("Input", f"learning.{key}")
            raise argparse.ArgumentTypeError(f"{text!r}: {said}") from error

    return read


def memory(text: str) -> int | None:
    """Read how many images are kept; None: all."""
    return None if text == "all" else positive(text)


def names(text: str) -> tuple[str, ...]:
    """Read names of others."""
    chosen = tuple(text.split(","))
    if strange := [name for name in chosen if name not in OTHERS]:
        raise argparse.ArgumentTypeError(f"{', '.join(strange)}: none of {', '.join(OTHERS)}")
    return chosen


def measure(data: Data, options: argparse.Namespace) -> dict[str, Any]:
    """Run every learner on every seed's stream, one after another."""
    architecture = options.architecture or f"model.network.mlp:{'grey_mlp' if data.grey else 'mlp'}"
    check_architecture(NetworkSpec(architecture, data.size, len(data.classes)))
    first = CHOOSING_SEED if options.choose else 0
    seeds = list(range(first, first + options.seeds))
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (TIDEMILL, *options.peers)}
    for seed in seeds:
        stream = protocols.make(options.protocol, data, seed)
        settings = Settings(
            architecture,
            options.memory,
            options.budget,
            seed,
            options.window or ours.fitting_window(stream),
            save_replay=not options.steady,
            training=training(options),
        )
        for name, one in runs.items():
            began = time.perf_counter()
            tell = progress(f"{name}, seed {seed}")
            result = run(name, stream, settings, f"{data.digest} {options.protocol}", tell)
            one.append(facts(result, figures(stream, result.answers)))
            tell(1.0)
            done = f"{one[-1]['final_accuracy']:.2%} in {time.perf_counter() - began:.0f} s"
            sys.stderr.write(f"\r{name}, seed {seed}: {done}\n{unlearnt(never_learnt(stream, result.answers))}")
    learners = [{"name": name, **summary(one)} for name, one in runs.items()]
    return {
        **learners[0],
        "protocol": options.protocol,
        "memory": options.memory or "all",
        "budget": options.budget,
        "seeds": seeds,
        "architecture": architecture,
        "learning": asdict(training(options)),
        "save_replay": not options.steady,
        "window": settings.window,
        "images": stream.images,
        "data": {"file": options.data.name, "digest": data.digest, "size": data.size, "classes": len(data.classes)},
        "measured_on": "a part of the training images" if options.choose else "test images",
        "threads": options.threads,
        "cores": len(os.sched_getaffinity(0)),
        "peers": learners[1:],
    }


def training(options: argparse.Namespace) -> TrainOptions:
    """Return the settings of `[learning]`: the defaults but for what is named. Images are not shifted nor mirrored."""
    robustness = options.robustness
    if robustness is None:
        robustness = NOISE_ROBUSTNESS if options.protocol == "noise" else 0.0
    return TrainOptions(flip=False, crop=False, recall=options.recall, margin=options.margin, robustness=robustness)


def run(name: str, stream: Stream, settings: Settings, digest: str, tell: Callable[[float], None]) -> Run:
    """Run one learner on the stream."""
    if name == TIDEMILL:
        return ours.run(stream, settings, tell)
    if name == REPLAY:
        return ours.run(stream, replace(settings, plain=True), tell)
    if name in plain.PLAIN:
        return plain.PLAIN[name](stream, settings)
    return peers.run(name, stream, settings, digest)


def progress(what: str) -> Callable[[float], None]:
    """Return what tells on stderr how far a run is, where somebody may be looking."""

    def tell(share: float) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{what}: {share:4.0%} ")
            sys.stderr.flush()

    return tell


def unlearnt(classes: list[str]) -> str:
    """Return a line about labels that never became classes, and what to do; nothing where all did."""
    if not classes:
        return ""
    needed = f"{Model().class_min_samples} pictures from two windows make a class"
    return f"never learnt: {listed(classes)} ({needed}; take a smaller --window or more images)\n"


def facts(result: Run, figures_: Figures) -> dict[str, Any]:
    """Return what one run came to."""
    return {
        **asdict(figures_),
        "sample_gradients": result.sample_gradients,
        "seconds": result.seconds,
        "training_seconds": result.training_seconds,
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over the seeds, and the runs themselves. Accuracies and forgetting are shares, 0..1."""
    finals = [one["final_accuracy"] for one in runs]
    return {
        "final_accuracy_mean": statistics.mean(finals),
        "final_accuracy_std": statistics.stdev(finals) if len(finals) > 1 else 0.0,
        "anytime_accuracy_mean": statistics.mean(one["anytime_accuracy"] for one in runs),
        "forgetting_mean": statistics.mean(one["forgetting"] for one in runs),
        "forgetting_all_classes_mean": statistics.mean(one["forgetting_all_classes"] for one in runs),
        "sample_gradients": round(statistics.mean(one["sample_gradients"] for one in runs)),
        "seconds": statistics.mean(one["seconds"] for one in runs),
        "training_seconds": statistics.mean(one["training_seconds"] for one in runs),
        "runs": runs,
    }


if __name__ == "__main__":
    sys.exit(main())
