"""`tidemill demo`: the whole main job on this machine, with nothing installed beside Python."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.options import examples
from daemon.cli.output import say
from daemon.signals import stop_on_signals
from daemon.stopping import Stopping

EXAMPLES = examples("tidemill demo", "tidemill demo --keep --dir /tmp/tidemill-demo")

DEMO_STOP_S = 60.0
"""`tidemill run` has 25 s, Redis 5 and the broker 2 before they are killed; on a machine under load ten more each."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="Roles", epilog=EXAMPLES)(demo)


def demo(
    *,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="The working folder; what an earlier demo left there goes.")
    ] = Path("demo-output"),
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C, and show all URLs.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the test set, the stream and the training.")] = 0,
) -> None:
    """Run broker, Redis and the three roles here, stream handwritten digits, and test each version from outside.

    Digits 0 to 4 come first, then 5 to 9, broken records among them. Two minutes at most; everything listens on the
    loopback address only, and all has stopped when the command ends. Exit status: 0 all promises kept, 1 not, 130
    interrupted before the end.
    """
    from rich.console import Console  # noqa: PLC0415 - only where needed, for a quick --help

    from daemon.demo.main import run_demo  # noqa: PLC0415
    from daemon.demo.plan import Plan  # noqa: PLC0415

    lost = "what was started ends by itself within 25 s"
    stopping = Stopping.of_command("roles, Redis and broker are stopped in order", DEMO_STOP_S, lost, say)
    with stop_on_signals(stopping=stopping) as stop:
        status = run_demo(Plan(folder, keep=keep, seed=seed), Console(highlight=False), stop)
    sys.exit(status)
