"""A learner on a slow repository: `python -m tests.monitoring.slow_learner FILE.toml`.

It is built as the command builds it; each move of the pointer takes longer than the objective of publication allows.
"""

import sys
import time
from pathlib import Path

from daemon.composition.learn import run_learn
from daemon.config import load
from daemon.signals import stop_on_signals

TAKES_S = 31.0


def slowly(step: str) -> None:
    """Hold the pointer back."""
    if step == "before champion.json":
        time.sleep(TAKES_S)


if __name__ == "__main__":
    with stop_on_signals() as stop:
        run_learn(load(file=Path(sys.argv[1])).config, stop, reached=slowly)
