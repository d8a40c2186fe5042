"""Keeps the roles alive, gives up on one that cannot live without the others, and stops them in order."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from daemon.errors import MISCONFIGURED, PERSON_MUST_ACT, OperatorError
from daemon.metrics import RunMetrics
from daemon.readiness import Check
from daemon.supervisor.process import RoleProcess, Spawn
from daemon.supervisor.restarts import Deaths, RestartRules

POLL_S = 0.1
STOP_ORDER = ("ingest", "learn", "serve")
"""First what brings records, then what learns them, last what others read."""
STOP_SHARES = (0.4, 0.75, 1.0)
"""Of the time to stop: by when each role of that order is waited for before the next is asked to stop."""
FIRST_START_S = 60.0
"""A wrong configuration that shows within so long of the first start stops all: somebody has just started it."""
AGAIN_S = 600.0
"""A role that died too often is tried again after so long, and what is given up is said again."""
CURE = "Put that right, then send SIGHUP to `tidemill run` or restart it"
_NEVER = threading.Event()
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A role that is not started again for now, and why."""

    reason: str
    """What happened, and its last words."""
    retried: bool
    """Whether it is tried again by itself: it died too often. Otherwise a person must act."""

    def __str__(self) -> str:
        again = f"It is tried again every {AGAIN_S / 60:g} minutes" if self.retried else CURE
        return f"{self.reason.rstrip('.')}. {again}"


@dataclass(slots=True)
class _Member:
    role: str
    deaths: Deaths
    process: RoleProcess | None = None
    start_at: float = 0.0
    given_up: GivenUp | None = None
    told_at: float = 0.0
    started: bool = False
    first_start: float | None = None
    """When its first process was started; None before, and once another was."""


class Supervisor:
    """One process of each role. `run_once` is one look at all of them.

    A role that dies too often, or that says that a person must act, is given up: the others live on, for what learns
    must not take down what serves.
    """

    def __init__(
        self,
        spawn: Spawn,
        rules: RestartRules,
        metrics: RunMetrics,
        *,
        stop_timeout_s: float,
        roles: Sequence[str] = STOP_ORDER,
        again: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = _NEVER.wait,
    ) -> None:
        """`pause(seconds)` waits; `clock` gives seconds that only grow; `again()`: whether somebody wants
        what is given up to be tried again, since it was asked last.
        """
        self._spawn = spawn
        self._metrics = metrics
        self._stop_timeout_s = stop_timeout_s
        self._again = again
        self._clock = clock
        self._pause = pause
        self._members = {role: _Member(role, Deaths(rules)) for role in roles}
        for role in roles:
            metrics.role_up(role, up=False)
            metrics.role_given_up(role, given_up=False)

    def run(self, stop: threading.Event) -> None:
        """Supervise until `stop`. Raises OperatorError as `run_once`; in any case all are stopped then."""
        try:
            while not stop.is_set():
                self.run_once()
                stop.wait(POLL_S)
        finally:
            self.stop_all()

    def run_once(self) -> None:
        """Start what is due, notice what died, and try again what was given up where that is due.

        Raises OperatorError when a role's first start finds the configuration wrong, and when every role waits for a
        person. While one of them is tried again by itself there is hope: what ends with 78 is not started again.
        """
        if self._again():
            for member in self._members.values():
                self._take_up(member)
        for member in self._members.values():
            self._look_after(member)
        waiting = [(one.role, one.given_up) for one in self._members.values() if one.given_up is not None]
        if len(waiting) == len(self._members) and not any(given_up.retried for _, given_up in waiting):
            whys = "; ".join(f"{role}: {given_up.reason}" for role, given_up in waiting)
            cure = "Put that right, then start again"
            raise OperatorError("", f"every role is given up. {whys}", cure, exit_code=PERSON_MUST_ACT)

    def asks(self) -> list[Callable[[], Check]]:
        """Return, for /readyz, a look at each role's process."""
        return [partial(_look, member) for member in self._members.values()]

    def _look_after(self, member: _Member) -> None:
        if member.given_up is not None:
            self._look_again(member, member.given_up)
        elif member.process is None:
            if self._clock() >= member.start_at:
                self._start(member)
        else:
            status = member.process.poll()
            if status is not None:
                self._bury(member, member.process, status)

    def _start(self, member: _Member) -> None:
        first = not member.started
        member.first_start, member.started = (self._clock() if first else None), True
        try:
            member.process = self._spawn(member.role)
        except OSError as error:  # no memory, no process to be had: as if it had died at once
            self._died(member, "no process", f"it could not be started: {error}")
            return
        self._metrics.role_up(member.role, up=True)
        if member.deaths.count:
            self._metrics.role_restarted(member.role)
        log.info("role started", started=member.role, **_of(member), pid=member.process.pid)

    def _bury(self, member: _Member, process: RoleProcess, status: int) -> None:
        member.process = None
        self._metrics.role_up(member.role, up=False)
        words = process.last_words()
        at_first = member.first_start is not None and self._clock() - member.first_start < FIRST_START_S
        if status == MISCONFIGURED and at_first:
            raise OperatorError("", f"{member.role} cannot start", words, exit_code=MISCONFIGURED)
        if status in (MISCONFIGURED, PERSON_MUST_ACT):
            self._give_up(member, GivenUp(f"{member.role} ended with status {status}: {words}", retried=False))
            return
        self._died(member, f"signal {-status}" if status < 0 else f"status {status}", words)

    def _died(self, member: _Member, how: str, words: str) -> None:
        now = self._clock()
        delay_s = member.deaths.died(now)
        if delay_s is None:
            times = f"{member.role} died {member.deaths.count} times in short order (run.restart_max)"
            self._give_up(member, GivenUp(f"{times}, the last time with {how}: {words}", retried=True))
            return
        member.start_at = now + delay_s
        log.error(
            "role died",
            died=member.role,
            **_of(member),
            ended_with=how,
            restart_in_s=round(delay_s, 1),
            last_words=words,
        )

    def _give_up(self, member: _Member, given_up: GivenUp) -> None:
        member.given_up, member.told_at = given_up, self._clock()
        self._metrics.role_given_up(member.role, given_up=True)
        log.error("role given up, the others go on", given_up=member.role, **_of(member), reason=str(given_up))

    def _look_again(self, member: _Member, given_up: GivenUp) -> None:
        """Once in a while: try what died too often again; say what waits for a person."""
        if self._clock() - member.told_at < AGAIN_S:
            return
        if given_up.retried:
            self._take_up(member)
            return
        member.told_at = self._clock()
        log.error("role is still given up", given_up=member.role, **_of(member), reason=str(given_up))

    def _take_up(self, member: _Member) -> None:
        """Start a role that was given up at the next look, as if it had never died."""
        if member.given_up is None:
            return
        log.info("role is tried again", again=member.role, **_of(member))
        member.given_up, member.start_at = None, self._clock()
        member.deaths.forget()
        self._metrics.role_given_up(member.role, given_up=False)

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
            log.error(
                "role did not stop in time and is killed",
                killed=member.role,
                **_of(member),
                seconds=self._stop_timeout_s,
            )
            process.kill()
        member.process = None
        self._metrics.role_up(member.role, up=False)
        log.info("role stopped", stopped=member.role, **_of(member), status=process.poll())


def _of(member: _Member) -> dict[str, str]:
    """Return the role that a line is about by its one name; the names of 0.1 stand beside it."""
    return {"supervised": member.role}


def _look(member: _Member) -> Check:
    given_up, process = member.given_up, member.process  # read once: the supervisor's own thread changes them
    if given_up is not None:
        return Check(member.role, ok=False, reason=f"given up: {given_up}")
    if process is None:
        return Check(
            member.role, ok=False, reason="dead, to be started again" if member.deaths.count else "not started"
        )
    return Check(member.role, ok=True, reason=f"process {process.pid}")
