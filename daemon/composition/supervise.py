"""Builds the supervisor."""

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from daemon.composition.clocks import monotonic_s
from daemon.config import Config
from daemon.health import HealthServer
from daemon.liveness import SUPERVISE_TURN_MAX_S, BeatingStop, Pulse
from daemon.logs import writes_for_people
from daemon.metrics import RunMetrics, new_registry, show_build
from daemon.supervisor.process import Spawned
from daemon.supervisor.restarts import RestartRules
from daemon.supervisor.supervisor import Supervisor

log = structlog.get_logger()


def run_supervised(
    config: Config,
    arguments: Sequence[str],
    stop: threading.Event,
    *,
    environ: Mapping[str, str],
    again: Callable[[], bool] = lambda: False,
) -> None:
    """Run one of each role, with the command line `arguments` and the environment `environ`, until `stop` is set.

    `again()`: whether what is given up is to be tried again. Raises OperatorError where a role finds its configuration
    wrong at the first start, and where every role is given up.
    """
    registry = new_registry()
    show_build(registry, "run")
    raw = None if writes_for_people(config.log.format) else _tell_raw
    supervisor = Supervisor(
        lambda role: Spawned(role, arguments, environ=environ, raw=raw),
        RestartRules(config.run.restart_max, config.run.restart_window_s),
        RunMetrics(registry),
        stop_timeout_s=config.run.stop_timeout_s,
        again=again,
    )
    pulse = Pulse("the supervisor's loop", SUPERVISE_TURN_MAX_S, monotonic_s)
    with pulse, HealthServer(registry, supervisor.asks(), pulse=pulse) as health:
        health.start(config.http.host, config.run.port, "run.port")
        supervisor.run(BeatingStop(stop, pulse))


def _tell_raw(role: str, line: str) -> None:
    """Tell a line that is none of a role's log: what a library or a fatal signal wrote past it."""
    log.error(line, supervised=role, raw=True)
