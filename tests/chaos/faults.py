"""What is done to a part: kill -9, SIGSTOP for longer than every timeout, restart in order, kill at a named step."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from tests.chaos import points
from tests.chaos.cluster import Cluster
from tests.chaos.process import RoleProcess

FROZEN_S = 11.0
"""Longer than every timeout: the longest is the ten seconds of a dead letter's or an announcement's delivery."""
DOWN_MAX_S = 2.0
STEP_WITHIN_S = 10.0
"""A lit step that is not reached within this is given up for a plain kill."""


class Action(StrEnum):
    """What is done."""

    KILL = "kill -9"
    FREEZE = "SIGSTOP, SIGCONT"
    RESTART = "restart"
    STEP = "kill -9 at a step"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `target` is a role's name, "redis" or "kafka"; times are seconds from the strike's begin."""

    target: str
    action: Action
    at_s: float
    for_s: float
    point: str = ""
    """The named step, for Action.STEP."""

    @property
    def kind(self) -> str:
        """The name under which it is counted."""
        return f"{self.part} {self.action.value}"

    @property
    def part(self) -> str:
        """The part that it strikes: ingest, learn, serve, redis or kafka."""
        return self.target.partition("-")[0]


Weights = Sequence[tuple[str, int]]
EVERYWHERE: Weights = (("ingest", 34), ("learn", 15), ("serve", 15), ("redis", 22), ("kafka", 14))
SERVERS: Weights = (("redis", 60), ("kafka", 40))
"""The roles live on, so that what each fault leaves behind in them adds up."""
ACTIONS = ((Action.KILL, 50), (Action.RESTART, 22), (Action.STEP, 16), (Action.FREEZE, 12))
TOGETHER = ((1, 34), (2, 33), (3, 33))
"""How many parts are struck at the same time."""


def draw_strike(draw: Random, cluster: Cluster, weights: Weights, most: int) -> list[Fault]:
    """Draw what happens next: up to `most` faults, each of another process."""
    faults: list[Fault] = []
    for _ in range(min(most, _choose(draw, TOGETHER))):
        target = _choose(draw, weights)
        if target == "ingest":
            target = draw.choice([one.name for one in cluster.ingestors if one.alive()])
        action = _choose(draw, ACTIONS)
        point = ""
        if action is Action.STEP:
            steps = {"ingest": points.INGEST, "learn": points.LEARN}.get(target.partition("-")[0])
            action, point = (Action.STEP, draw.choice(steps)) if steps else (Action.KILL, "")
        for_s = FROZEN_S if action is Action.FREEZE else draw.random() * DOWN_MAX_S
        if target not in [one.target for one in faults]:
            faults.append(Fault(target, action, draw.random(), for_s, point))
    return faults


def strike(cluster: Cluster, faults: Sequence[Fault]) -> None:
    """Let the faults happen, each begun and ended in its time; return when the last part was started again."""
    began = time.monotonic()
    moments = [(one.at_s, begin, one) for one in faults]
    moments += [(one.at_s + one.for_s, end, one) for one in faults]
    for at_s, act, fault in sorted(moments, key=lambda moment: moment[0]):
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        act(cluster, fault)


def begin(cluster: Cluster, fault: Fault) -> None:
    """Strike."""
    _parts(cluster, fault.target)[fault.action][0](fault)


def end(cluster: Cluster, fault: Fault) -> None:
    """Bring the part back, as whoever runs it would. Broker and Redis answer again on return."""
    _parts(cluster, fault.target)[fault.action][1](fault)


Act = Callable[[Fault], object]


def _parts(cluster: Cluster, target: str) -> dict[Action, tuple[Act, Act]]:
    if target in ("redis", "kafka"):
        server = cluster.redis if target == "redis" else cluster.kafka
        return {
            Action.KILL: (lambda _: server.kill(), lambda _: server.start()),
            Action.FREEZE: (lambda _: server.pause(), lambda _: server.resume()),
            Action.RESTART: (lambda _: server.stop(), lambda _: server.start()),
        }
    role = next(one for one in cluster.roles if one.name == target)
    return {
        Action.KILL: (lambda _: role.kill(), lambda _: role.start()),
        Action.FREEZE: (lambda _: role.freeze(), lambda _: role.thaw()),
        Action.RESTART: (lambda _: _stop(role), lambda _: role.start()),
        Action.STEP: (lambda fault: role.light(fault.point), lambda _: _after_step(role)),
    }


def _stop(role: RoleProcess) -> None:
    """SIGTERM must be enough, whatever else is down. Where the role has not come to listen to it yet, it is a kill."""
    status = role.stop()
    assert status in (0, -signal.SIGTERM), f"{role.name} stopped with status {status}:\n{role.tail()}"


def _after_step(role: RoleProcess) -> None:
    deadline = time.monotonic() + STEP_WITHIN_S
    while role.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    role.unlight()
    role.kill()
    role.start()


def _choose(draw: Random, weighted: Sequence[tuple[Any, int]]) -> Any:
    return draw.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]
