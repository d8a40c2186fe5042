"""A role as users run it, with a fuse: `python -m tests.chaos.role ingest|learn|serve --config FILE --fuse FILE`.

It is built by the same composition root, from the same configuration. The fuse file, where there is one, names a step
and a count; when the step is reached for that time, the process kills itself. Roles of the product listen to no such
thing. The process ends when its standard input closes, so that none outlives the test that started it.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from daemon.cli.failures import EXPECTED, lines_of
from daemon.cli.output import say
from daemon.cli.role_logs import start_logs
from daemon.config import load
from daemon.signals import stop_on_signals


class Fuse:
    """Called at each named step. Writes the step's name to `seen`, once, and kills the process where it must."""

    def __init__(self, file: Path, seen: TextIO) -> None:
        self._file = file
        self._seen = seen
        self._known: set[str] = set()
        self._lit = ""
        self._left = 0

    def __call__(self, point: str) -> None:
        if point not in self._known:
            self._known.add(point)
            self._seen.write(f"{point}\n")
            self._seen.flush()
        with suppress(FileNotFoundError):
            text = self._file.read_text(encoding="utf-8")
            if text != self._lit:
                self._lit, self._left = text, int(text.rpartition(" ")[2])
            if point == text.rpartition(" ")[0]:
                self._left -= 1
                if self._left == 0:
                    self._file.unlink()
                    os.kill(os.getpid(), signal.SIGKILL)


def end_with_parent() -> None:
    """End the process as a kill would, once whoever started it is gone."""

    def wait() -> None:
        while os.read(0, 1):
            continue
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Run the role until SIGTERM; it ends as the command does, with the same line and status."""
    try:
        run()
    except EXPECTED as error:
        lines, status = lines_of(error)
        for line in lines:
            say(line)
        sys.exit(status)


def run(args: Sequence[str] | None = None) -> None:
    """Build the role and run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("ingest", "learn", "serve"))
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--fuse", type=Path, required=True)
    parser.add_argument("--adopt", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    given = parser.parse_args(args)
    end_with_parent()
    config = load(file=given.config, sets=given.sets).config
    start_logs(config, given.role)
    with given.fuse.with_suffix(".seen").open("a", encoding="utf-8") as seen, stop_on_signals() as stop:
        reached = Fuse(given.fuse, seen)
        if given.role == "ingest":
            from daemon.composition.ingest import run_ingest

            run_ingest(config, stop, reached=reached)
        elif given.role == "learn":
            from daemon.composition.learn import run_learn

            run_learn(config, stop, adopt=given.adopt, reached=reached)
        else:
            from daemon.serve.server import build_serve

            build_serve(config).run(stop)


if __name__ == "__main__":
    main()
