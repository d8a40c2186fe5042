"""Seconds of a round, and memory, with ten thousand samples in the store and with two million, in turn.

python -m tests.benchmarks.round_cost [--samples 2000000] [--rounds 15] [--cold] [--json]

Both stores are filled by claims and commits, as a long life would, only without fsync. Each lives in a process of its
own; the rounds are the learner's, on synthetic pictures of 28 pixels with an MLP. Export is left out: it does not touch
the store.
"""

import argparse
import json
import multiprocessing as mp
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from model.learning.options import PlanOptions
from model.store import Commit, Fate, Outcome, StateDirectory, StoreRules
from model.store.ledger import Ledger
from model.window import Arrival, LogKey, Span, Window
from tests.support.learners import LOG, Bench

SMALL = 10_000
SIZE = 28
FRESH = 512
LABELS = tuple(f"class-{index}" for index in range(10))
JUDGED = 1_000
"""Held-out samples that both judge by beside the newest. In the smaller store these would else be among them."""
RULES = StoreRules(bytes_max=1 << 40, holdout_max=JUDGED)
FILLED = LogKey(LOG.topic, LOG.topic_id, LOG.partition + 1)
"""The log that the store was filled from; the rounds learn another."""
APART = 10**12
"""Added to an offset for the seed of a picture of the rounds, so that none is among those stored."""
GOAL = 1.10
COMPARED = ("train", "evaluate", "commit")
"""Stages whose seconds together are to be the same."""


def pictures(start: int, n: int) -> np.ndarray:
    """Return noisy pictures with a bright row for each class."""
    pixels = np.random.default_rng(start).integers(0, 160, (n, SIZE, SIZE, 3), dtype=np.uint8)
    labels = np.arange(start, start + n) % len(LABELS)
    pixels[np.arange(n), 2 * labels + 3] += 90
    return pixels


class CostBench(Bench):
    """A learner on ten classes."""

    def __init__(self, folder: Path) -> None:
        # As much replay in each round: what is compared is the store.
        super().__init__(folder, FRESH, RULES, SIZE, plan=PlanOptions(save_replay=False))

    def pixels(self, label: str, offset: int) -> np.ndarray:
        """See Bench."""
        return pictures(APART + offset, 1)[0]


@dataclass
class Spent:
    """Told each fault point of a round; adds up the seconds of its stages."""

    seconds: dict[str, float] = field(default_factory=dict)
    _began: float = 0.0

    def __call__(self, point: str) -> None:
        parts = point.split(".")
        if parts[0] != "round":
            return
        now = time.perf_counter()
        if parts[2] == "before":
            self._began = now
        else:
            self.seconds[parts[1]] = self.seconds.get(parts[1], 0.0) + now - self._began


def fill(folder: Path, samples: int) -> None:
    """Claim and commit windows until the store holds so many samples."""
    with (
        mock.patch("os.fsync"),
        StateDirectory.open(folder / "state", size=SIZE, rules=RULES, now_ms=lambda: 0) as directory,
    ):
        directory._database.execute("PRAGMA synchronous = OFF")
        for start in range(0, samples, FRESH):
            n = min(FRESH, samples - start)
            arrivals = tuple(
                Arrival(FILLED, start + i, f"id-{start + i}", LABELS[(start + i) % len(LABELS)], 0, "")
                for i in range(n)
            )
            window = Window((Span(FILLED, start, start + n, 0, 0),), arrivals, pictures(start, n))
            claim = directory.claim(window, seed=0, state=None)
            replayed = np.arange(max(0, start - n), start, dtype=np.int64)
            directory.commit(claim, Commit(Outcome.HELD, "filled", Fate.ACCEPTED, 0.0, replayed=replayed))


def live(pipe: Connection, folder: Path, samples: int, *, cold: bool) -> None:
    """Fill a store, then run a round for each message, and answer with its seconds and this process's memory."""
    torch.set_num_threads(1)
    filler = mp.get_context("spawn").Process(target=fill, args=(folder, samples))
    filler.start()
    filler.join()
    os.sync()
    bench, spent = CostBench(folder), Spent()
    learner = bench.learner(spent)
    learner.run_once()  # it takes over the buffer; nothing is there yet
    pipe.send("ready")
    while pipe.recv():
        bench.feed(FRESH, LABELS, dead_every=1 << 40)
        if cold:
            forget_pages(folder)
        spent.seconds.clear()
        began = time.perf_counter()
        ran = learner.run_once()
        seconds = time.perf_counter() - began
        pipe.send(
            {
                "seconds": seconds,
                "learnt": ran and newest_outcome(learner.directory.ledger) != Outcome.REFUSED,
                "stages": dict(spent.seconds),
                "rss_mb": memory_mb(),
            }
        )
    pipe.send({"counts": learner.directory.ledger.counts(), "disk_mb": disk_mb(folder)})
    bench.die()


def newest_outcome(ledger: Ledger) -> str:
    """Return how the last round ended; an attempt that failed leaves its claim open, and counts as refused."""
    if ledger.open_claim() is not None:
        return Outcome.REFUSED
    (last,) = ledger.rounds(after=ledger.last_round() - 1)
    return str(last["outcome"])


def forget_pages(folder: Path) -> None:
    """Drop the store's files from the page cache."""
    for file in (folder / "state").rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def memory_mb() -> dict[str, float]:
    """Return resident memory, now and at its highest."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = dict(line.split(":", 1) for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name: int(value.split()[0]) / 1024 for name, value in found.items()}


def disk_mb(folder: Path) -> dict[str, float]:
    """Return the size of pixels and of the database."""
    state = folder / "state"
    pixels = sum(file.stat().st_size for file in (state / "segments").iterdir())
    return {"segments": pixels / 1e6, "database": (state / "tidemill.db").stat().st_size / 1e6}


def measure(samples: int, rounds: int, *, cold: bool) -> dict[str, Any]:
    """Return medians over `rounds` rounds of each store, in turn."""
    context = mp.get_context("spawn")
    sizes = (SMALL, samples)
    with tempfile.TemporaryDirectory() as root:
        ends, workers = [], []
        for size in sizes:
            sys.stderr.write(f"filling a store with {size:,} samples ...\n")
            mine, theirs = context.Pipe()
            folder = Path(root) / str(size)
            worker = context.Process(target=live, args=(theirs, folder, size), kwargs={"cold": cold})
            worker.start()
            theirs.close()  # so that the death of one side is the end of the other's pipe
            assert mine.recv() == "ready"
            ends.append(mine)
            workers.append(worker)
        told: list[list[dict[str, Any]]] = [[], []]
        for turn in range(rounds + 2):
            for index in (0, 1) if turn % 2 else (1, 0):
                ends[index].send(True)
                answer = ends[index].recv()
                if not answer["learnt"]:
                    raise RuntimeError("a round was refused or failed: what it cost says nothing")
                if turn >= 2:  # the first two warm up
                    told[index].append(answer)
        facts = []
        for end, worker in zip(ends, workers, strict=True):
            end.send(False)
            facts.append(end.recv())
            worker.join()
    return summary(sizes, told, facts, cold=cold)


def summary(
    sizes: tuple[int, int], told: list[list[dict[str, Any]]], facts: list[dict[str, Any]], *, cold: bool
) -> dict[str, Any]:
    """Return what is printed."""
    sides = [
        {
            "samples": size,
            "seconds": statistics.median(one["seconds"] for one in answers),
            "stages": {
                name: statistics.median(one["stages"].get(name, 0.0) for one in answers)
                for name in answers[0]["stages"]
            },
            "rss_mb": answers[-1]["rss_mb"]["VmRSS"],
            "peak_mb": answers[-1]["rss_mb"]["VmHWM"],
            **fact,
        }
        for size, answers, fact in zip(sizes, told, facts, strict=True)
    ]
    whole = sides[1]["seconds"] / sides[0]["seconds"]
    small, large = (statistics.median(compared_seconds(one) for one in answers) for answers in told)
    return {
        "sides": sides,
        "ratio": large / small,
        "ratio_of_rounds": whole,
        "rounds": len(told[0]),
        "cold": cold,
        "met": large / small <= GOAL,
    }


def compared_seconds(answer: dict[str, Any]) -> float:
    """Return the seconds of a round that are held against the goal."""
    return sum(answer["stages"].get(name, 0.0) for name in COMPARED)


def show(result: dict[str, Any]) -> None:
    """Print a table."""
    small, large = result["sides"]
    pages = "from disk" if result["cold"] else "from the page cache"
    table = Table(title=f"A round of {FRESH} fresh samples, medians of {result['rounds']}, {pages}")
    for column in ("", f"{small['samples']:,} stored", f"{large['samples']:,} stored"):
        table.add_column(column, justify="right" if column else "left")
    rows = [("seconds a round", small["seconds"], large["seconds"])]
    rows += [(f"  {name}", small["stages"][name], large["stages"].get(name, 0.0)) for name in small["stages"]]
    for name, one, other in rows:
        table.add_row(name, f"{one:.3f}", f"{other:.3f}")
    for key, name in (("rss_mb", "resident memory, MB"), ("peak_mb", "  at its highest")):
        table.add_row(name, f"{small[key]:.0f}", f"{large[key]:.0f}")
    for key in ("segments", "database"):
        table.add_row(f"{key}, MB", f"{small['disk_mb'][key]:.0f}", f"{large['disk_mb'][key]:.0f}")
    console = Console()
    console.print(table)
    met = "met" if result["met"] else "missed"
    console.print(
        f"{', '.join(COMPARED)} together: ratio {result['ratio']:.3f}, goal <= {GOAL}: {met}", highlight=False
    )
    console.print(f"whole rounds: ratio {result['ratio_of_rounds']:.3f}", highlight=False)


def main() -> int:
    """Measure and print; the exit status is 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description="What a round costs with few and with many samples in the store.")
    parser.add_argument("--samples", type=int, default=2_000_000, help="samples of the larger store")
    parser.add_argument("--rounds", type=int, default=15, help="rounds measured on each")
    parser.add_argument("--cold", action="store_true", help="drop the store from the page cache before each round")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    result = measure(options.samples, options.rounds, cold=options.cold)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        show(result)
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
