"""Keeps the roles alive, and stops them in order."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from daemon.errors import OperatorError
from daemon.metrics import RunMetrics
from daemon.readiness import Check
from daemon.supervisor.process import RoleProcess, Spawn
from daemon.supervisor.restarts import Deaths, RestartRules

POLL_S = 0.1
STOP_ORDER = ("ingest", "learn", "serve")
"""First what brings records, then what learns them, last what others read."""
STOP_SHARES = (0.4, 0.75, 1.0)
"""Of the time to stop: by when each role of that order is waited for before the next is asked to stop."""
MISCONFIGURED = 2
_NEVER = threading.Event()
log = structlog.get_logger()


@dataclass(slots=True)
class _Member:
    role: str
    deaths: Deaths
    process: RoleProcess | None = None
    start_at: float = 0.0


class Supervisor:
    """One process of each role. `run_once` is one look at all of them."""

    def __init__(
        self,
        spawn: Spawn,
        rules: RestartRules,
        metrics: RunMetrics,
        *,
        stop_timeout_s: float,
        roles: Sequence[str] = STOP_ORDER,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = _NEVER.wait,
    ) -> None:
        """`pause(seconds)` waits; `clock` gives seconds that only grow."""
        self._spawn = spawn
        self._metrics = metrics
        self._stop_timeout_s = stop_timeout_s
        self._clock = clock
        self._pause = pause
        self._members = {role: _Member(role, Deaths(rules)) for role in roles}
        for role in roles:
            metrics.role_up(role, up=False)

    def run(self, stop: threading.Event) -> None:
        """Supervise until `stop`. Raises OperatorError when a role keeps dying; in any case all are stopped then."""
        try:
            while not stop.is_set():
                self.run_once()
                stop.wait(POLL_S)
        finally:
            self.stop_all()

    def run_once(self) -> None:
        """Start what is due, notice what died. Raises OperatorError when a role is given up."""
        for member in self._members.values():
            if member.process is None:
                if self._clock() >= member.start_at:
                    self._start(member)
                continue
            status = member.process.poll()
            if status is not None:
                self._bury(member, member.process, status)

    def asks(self) -> list[Callable[[], Check]]:
        """Return, for /readyz, a look at each role's process."""
        return [partial(_look, member) for member in self._members.values()]

    def _start(self, member: _Member) -> None:
        member.process = self._spawn(member.role)
        self._metrics.role_up(member.role, up=True)
        if member.deaths.count:
            self._metrics.role_restarted(member.role)
        log.info("role started", started=member.role, pid=member.process.pid)

    def _bury(self, member: _Member, process: RoleProcess, status: int) -> None:
        member.process = None
        self._metrics.role_up(member.role, up=False)
        words = process.last_words()
        if status == MISCONFIGURED:
            raise OperatorError("", f"{member.role} cannot start", words, exit_code=MISCONFIGURED)
        now = self._clock()
        delay_s = member.deaths.died(now)
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if delay_s is None:
            message = f"{member.role} died {member.deaths.count} times in short order, the last time with {how}"
            raise OperatorError("run.restart_max", message, f"Its last words: {words}")
        member.start_at = now + delay_s
        log.error("role died", died=member.role, ended_with=how, restart_in_s=round(delay_s, 1), last_words=words)

    def stop_all(self) -> None:
        """Ask one role after the other to stop; kill what still lives at the end of the time."""
        began = self._clock()
        running = [member for role in STOP_ORDER for member in [self._members.get(role)] if member and member.process]
        for member, share in zip(running, STOP_SHARES[-len(running) :], strict=False):
            process = member.process
            assert process is not None
            process.terminate()
            while process.poll() is None and self._clock() - began < share * self._stop_timeout_s:
                self._pause(POLL_S)
        for member in running:
            self._end(member, began)

    def _end(self, member: _Member, began: float) -> None:
        process = member.process
        assert process is not None
        while process.poll() is None and self._clock() - began < self._stop_timeout_s:
            self._pause(POLL_S)
        if process.poll() is None:
            log.error("role did not stop in time and is killed", killed=member.role, seconds=self._stop_timeout_s)
            process.kill()
        member.process = None
        self._metrics.role_up(member.role, up=False)
        log.info("role stopped", stopped=member.role, status=process.poll())


def _look(member: _Member) -> Check:
    if member.process is None:
        return Check(
            member.role, ok=False, reason="dead, to be started again" if member.deaths.count else "not started"
        )
    return Check(member.role, ok=True, reason=f"process {member.process.pid}")
