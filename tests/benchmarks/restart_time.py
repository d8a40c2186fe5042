"""Seconds until everything is at work again after one part was stopped in order, or killed, and started again.

python -m tests.benchmarks.restart_time [--repeats 5] [--seed 1] [--json]

At work: a record acknowledged after the restart is taken in on every partition, a round is committed, the server
answers. Timeouts are Tidemill's defaults. The broker's own start is not counted.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import model  # noqa: F401 - before anything that imports onnxruntime: it turns its telemetry off
from daemon.config import Config
from tests.chaos.faults import Action, Fault, begin, end
from tests.chaos.site import Site
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

GOAL_S = 15.0
PARTS = ("ingest-0", "learn", "serve", "redis", "kafka")
HOW = {Action.RESTART: "SIGTERM", Action.KILL: "SIGKILL"}


def settings() -> dict[str, dict[str, Any]]:
    """Return the timeouts that a service has by default; all else is as in the chaos, small and quick."""
    default = Config()
    return {
        "kafka": {
            "session_timeout_ms": default.kafka.session_timeout_ms,
            "request_timeout_ms": default.kafka.request_timeout_ms,
        },
        "redis": {"socket_timeout_s": default.redis.socket_timeout_s},
    }


def measure(repeats: int, seed: int) -> dict[str, list[float]]:
    """Return the seconds of each turn, by part and signal."""
    found: dict[str, list[float]] = {}
    kafka, redis = KafkaServer(), RedisServer()
    with tempfile.TemporaryDirectory() as folder:
        try:
            kafka.start()
            redis.start()
            with Site(Path(folder), kafka, redis, seed=seed, settings=settings()) as site:
                for _ in range(repeats):
                    for part in PARTS:
                        for action, how in HOW.items():
                            sys.stderr.write(f"{part} {how} ...\n")
                            found.setdefault(f"{part.partition('-')[0]} {how}", []).append(_turn(site, part, action))
                site.check_at_rest()
        finally:
            kafka.close()
            redis.close()
    return found


def _turn(site: Site, part: str, action: Action) -> float:
    fault = Fault(part, action, 0.0, 0.0)
    begin(site.cluster, fault)
    mark = site.work.mark()
    end(site.cluster, fault)
    if part == "kafka":
        mark = site.work.mark()  # it answers again: its recovery is its own
    back = site.work.wait_back(mark)
    site.work.wait_back(site.work.mark())  # all is calm before the next turn
    site.check()
    return back.all_s


def main() -> int:
    """Measure and print; the exit status is 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="turns of each part and signal")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    found = measure(given.repeats, given.seed)
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        table = Table(title=f"back at work, seconds; {len(os.sched_getaffinity(0))} cores, {given.repeats} turns each")
        for column in ("part and signal", "median", "longest", f"goal {GOAL_S:g} s"):
            table.add_column(column)
        for name, seconds in found.items():
            met = "met" if max(seconds) <= GOAL_S else "missed"
            table.add_row(name, f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}", met)
        Console().print(table)
    return 0 if all(max(seconds) <= GOAL_S for seconds in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
