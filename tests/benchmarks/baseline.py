"""The ratios that later work is held against, each measured in one run on one machine.

python -m tests.benchmarks.baseline [--only ingest|train|publish] [--repeats 5] [--json]
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import ingest_rate, publish_time, train_rate

MEASURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "ingest": ingest_rate.measure,
    "train": train_rate.measure,
    "publish": publish_time.measure,
}


def main() -> int:
    """Measure and print; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="The ratios of docs/performance.md, measured now.")
    parser.add_argument("--only", choices=MEASURES, help="one of them")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each side")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    chosen = [options.only] if options.only else list(MEASURES)
    results = []
    for name in chosen:
        sys.stderr.write(f"measuring {name} ...\n")
        results.append(MEASURES[name](options.repeats))
    if options.json:
        sys.stdout.write(json.dumps(results) + "\n")
    else:
        show(results)
    return 0 if all(result["met"] for result in results) else 1


def show(results: list[dict[str, Any]]) -> None:
    """Print a table, and below it how each figure was obtained."""
    table = Table(
        title=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    )
    for column in ("measure", "ours", "bare", "ratio", "goal", ""):
        table.add_column(column)
    for result in results:
        table.add_row(
            result["name"],
            f"{result['ours']:.4g}",
            f"{result['bare']:.4g}",
            f"{result['ratio']:.3f}",
            result["goal"],
            "met" if result["met"] else "missed",
        )
    console = Console()
    console.print(table)
    for result in results:
        console.print(f"{result['name']}: {result['how']}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
