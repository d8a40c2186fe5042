"""`tidemill status`: the first look. Is all well, if not, what is wrong, what to do; then where everything stands."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import out, print_json, say
from daemon.config import Config
from daemon.errors import MISCONFIGURED, OperatorError

if TYPE_CHECKING:
    from rich.console import Console

    from daemon.cli.overview.problems import Problem

EVERY_S = 5.0
"""Between two looks of --watch."""
EXAMPLES = examples(
    "tidemill status",
    "tidemill status --watch 10",
    "tidemill status --check || mail -s tidemill ops@example.org",
    "tidemill status --json | jq '.positions[] | .end - .learnt'",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", rich_help_panel="Looking", epilog=EXAMPLES)(status)


def status(
    context: typer.Context,
    seconds: Annotated[
        float | None,
        typer.Argument(metavar="[SECONDS]", min=0.5, max=86_400, help=f"With --watch: between two looks; {EVERY_S:g}."),
    ] = None,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every SECONDS, until Ctrl-C.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="One line, for scripts: exit status 0 where all is well, 1 where not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show whether all is well; if not, what is wrong, worst first, and what to do. Then where everything stands.

    Asks Redis, Kafka, the state directory, and the roles at their ports on this host, and takes some seconds at most.
    A dash is what is not known here, such as roles of other hosts. The exit status is 0 as long as there is anything
    to show; with --check it is 1 where anything is wrong. It is 2 where the configuration is.
    """
    if watch and check:
        raise OperatorError("", "--watch and --check exclude each other", "Give one", exit_code=MISCONFIGURED)
    if seconds is not None and not watch:
        raise OperatorError("", f"SECONDS ({seconds:g}) go with --watch", "Give both", exit_code=MISCONFIGURED)
    config = given(context, file, sets, {"paths.state": state}).load().config
    if watch:
        from daemon.cli.watch import Watch  # noqa: PLC0415 - only where needed

        Watch(lambda console: _show(console, config, as_json=as_json), seconds or EVERY_S, bare=as_json).run()
    elif check:
        _check(config, as_json=as_json)
    else:
        told, problems = _look(config)
        for line in told.get("unreachable", ()) if as_json else ():
            say(f"tidemill: {line}")
        if as_json:
            print_json(told)
        else:
            _print(out(), config, told, problems)


def _look(config: Config) -> "tuple[dict[str, Any], list[Problem]]":
    """Return the facts and what is wrong. Raises OperatorError where there is no trace of a Tidemill."""
    from daemon.cli.overview.collect import collect  # noqa: PLC0415 - only where needed, for a quick --help
    from daemon.cli.overview.judge import judge  # noqa: PLC0415
    from daemon.cli.overview.told import told_of  # noqa: PLC0415

    facts = collect(config)
    if facts.nothing:
        reached = "holds nothing of it" if facts.redis else "does not answer"
        message = (
            f"nothing has run here yet: {config.paths.state} is no state directory of a learner, no role answers, "
            f"and Redis at {config.redis.masked_url} {reached}"
        )
        cure = "Start `tidemill run` first (`make demo` shows it), or name the folder with --state"
        raise OperatorError("paths.state", message, cure)
    problems = judge(facts, config)
    return told_of(facts, problems, config), problems


def _check(config: Config, *, as_json: bool) -> None:
    from daemon.cli.overview.text import one_line  # noqa: PLC0415 - only where needed

    try:
        told, problems = _look(config)
    except OperatorError as error:
        if error.exit_code != 1:
            raise
        missing = {"well": False, "problems": [{"kind": "state", "what": error.message, "cure": error.cure}]}
        typer.echo(json.dumps(missing, ensure_ascii=False) if as_json else f"not well: {error}")
        raise typer.Exit(1) from error
    typer.echo(json.dumps(told, ensure_ascii=False) if as_json else one_line(told, problems))
    raise typer.Exit(1 if problems else 0)


def _show(console: "Console", config: Config, *, as_json: bool) -> None:
    """Look, and write what there is to see; nothing to see is no end of watching."""
    try:
        told, problems = _look(config)
    except OperatorError as error:
        console.print(str(error))
        return
    if as_json:
        console.print(json.dumps(told, ensure_ascii=False))
    else:
        _print(console, config, told, problems)


def _print(console: "Console", config: Config, told: dict[str, Any], problems: "list[Problem]") -> None:
    from daemon.cli.overview.text import show  # noqa: PLC0415 - only where needed

    show(console, told, problems, config, time.time())
