"""The command `tidemill`: puts the commands together, and turns errors into one line and an exit status."""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from daemon.cli import (
    classes,
    config,
    dead_letters,
    demo,
    explain,
    pull,
    push,
    quarantine,
    release,
    report,
    roles,
    rollback,
    rounds,
    run,
    status,
    verify,
    versions,
)
from daemon.cli.crashes import Commands, print_masked
from daemon.cli.options import Common, ConfigFile, Sets, examples
from daemon.cli.output import say
from daemon.cli.role_logs import forget_role, last_words
from daemon.interrupts import interrupts_told
from daemon.logs import configure
from daemon.version import VERSION

app = typer.Typer(
    name="tidemill",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "tidemill run --config tidemill.toml",
        "tidemill push ./my-images --set kafka.bootstrap_servers=broker:9092",
        "tidemill pull --to model.onnx",
        "tidemill status",
    ),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidemill {VERSION}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A worker that keeps an image classifier learning: Kafka in, Redis between, ONNX out.

    Configuration: defaults < --config FILE.toml < environment (TIDEMILL_KAFKA__TOPICS=…) < --set kafka.topics=….
    `tidemill config` shows what counts, and why. Exit status: 0 done, 1 failed, 2 wrong use or configuration, 78 (of a
    role) a person must act, a restart changes nothing.
    """
    context.obj = Common(file, tuple(sets or ()))
    # Until a role sets up its own. Standard output belongs to the results; what fails is told in one line, by `main`.
    configure("warning", "auto", "command", libraries=logging.CRITICAL)
    forget_role()


LOOKING = (status, rounds, versions, explain, report, verify, quarantine, classes, dead_letters)

for group in (roles, run, demo, push, pull, *LOOKING, config, rollback, release):
    group.register(app)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its status. `args` are the process' own unless given."""
    sys.excepthook = print_masked
    try:
        with interrupts_told():
            get_command(app)(args=None if args is None else list(args), prog_name="tidemill")
    except _expected() as error:
        sys.exit(_told(error))
    sys.exit(0)


def _expected() -> tuple[type[Exception], ...]:
    """Asked for only when something went wrong."""
    from daemon.cli.failures import EXPECTED  # noqa: PLC0415 - loads every package

    return EXPECTED


def _told(error: Exception) -> int:
    from daemon.cli.failures import lines_of  # noqa: PLC0415 - loads every package

    lines, exit_code = lines_of(error)
    if not last_words(lines, getattr(error, "setting", ""), exit_code):
        for line in lines:
            say(line)
    return exit_code
