"""`tidemill run`: one each of ingest, learn and serve."""

import os
import sys

import typer

from daemon.cli.options import ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.role_logs import begin_logs, start_logs
from daemon.config import Config, ConfigError, Loaded, Problem
from daemon.config.conflicts import port_conflicts
from daemon.signals import SUPERVISE_STOP_S, ending_at_once, noting_hangups, stop_on_signals
from daemon.stopping import Stopping

EXAMPLES = examples("tidemill run --config tidemill.toml", "tidemill run --state ./state --repository ./models")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", rich_help_panel="Roles", epilog=EXAMPLES)(run)


def run(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    repository: RepositoryFolder = None,
) -> None:
    """Run one each of ingest, learn and serve on this machine, and start again what dies.

    Gives up on a role that dies more than run.restart_max times within run.restart_window_s seconds, or that ends with
    status 78 (a person must act). The others go on, and /readyz says why; the first is tried again every ten minutes,
    both on SIGHUP. Ends with 78 where all three wait for a person, with 2 where the configuration is wrong at the
    start. Ctrl-C or SIGTERM stops all three in order; a second Ctrl-C at once. The supervisor's own /metrics (role_up,
    role_given_up), /livez and /readyz are at run.port.
    """
    told = given(context, file, sets, {"paths.state": state, "paths.repository": repository})
    begin_logs(told, "run")
    stopping = Stopping("ingest, learn and serve are stopped in this order", SUPERVISE_STOP_S)
    with stop_on_signals(SUPERVISE_STOP_S, stopping) as stop, noting_hangups() as again:
        with ending_at_once():
            config = _checked(told.load())
            stopping.seconds_max = config.run.stop_timeout_s
            start_logs(config, "run")
            from daemon.composition.supervise import run_supervised  # noqa: PLC0415 - for a quick --help

        arguments = [*told.arguments(), *_log_format(config)]
        run_supervised(config, arguments, stop, again=again, environ=told.environment(os.environ))


def _checked(loaded: Loaded) -> Config:
    """Return the configuration; raise ConfigError where roles on one machine would meet at one port."""
    config = loaded.config
    clashes = tuple(
        Problem(one.key, str(getattr(config, one.key.partition(".")[0]).port), loaded.origins[one.key], one.expected)
        for one in port_conflicts(config)
    )
    if clashes:
        raise ConfigError(clashes)
    return config


def _log_format(config: Config) -> list[str]:
    """Roles write into a pipe; they shall write for people where this process would."""
    console = config.log.format == "auto" and sys.stderr.isatty()
    return ["--set", "log.format=console"] if console else []
