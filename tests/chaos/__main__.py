"""`make chaos`: kill, freeze and restart everything, at every named step and at random, and check that nothing is lost.

python -m tests.chaos [--faults 300] [--minutes M] [--seed S] [--only steps|random|same|STEP]... [--out FOLDER] [--keep]

Exit status: 0 all checks passed, 1 one did not (it prints how to repeat it), 2 something is missing on this machine.
"""

import argparse
import sys
import time
from pathlib import Path

import model  # noqa: F401 - before anything that imports onnxruntime: it turns its telemetry off
from daemon.local.process import LocalServerMissingError
from daemon.local.redis import redis_program
from tests.chaos import points
from tests.chaos.runner import PARTS, Plan, run
from tests.servers.fetch_kafka import missing


def main() -> int:
    """Run what was asked for; print the report's tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=300, help="faults at random (300)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end the random part after so long")
    parser.add_argument("--seed", type=int, default=None, help="what everything is drawn from; default: the time")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PART", help=f"{', '.join(PARTS)}, or a named step; repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-output/chaos"), help="folder for report and logs")
    parser.add_argument("--keep", action="store_true", help="keep logs, state and repository of what went well too")
    given = parser.parse_args()
    for one in given.only:
        if one not in (*PARTS, *points.ALL):
            parser.error(f"--only {one!r}: one of {', '.join((*PARTS, *points.ALL))}")
    try:
        redis_program()
        lacking = missing()
    except LocalServerMissingError as error:
        lacking = str(error)
    if lacking:
        sys.stderr.write(f"{lacking}\n")
        return 2
    seed = int(time.time()) if given.seed is None else given.seed
    report = run(Plan(seed, given.faults, tuple(given.only), given.out.resolve(), given.minutes, given.keep))
    sys.stdout.write(report.markdown())
    if report.failure:
        sys.stderr.write(f"\nseed {seed}: {report.failure}\nAgain: {report.command}\nLogs: {given.out}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
