"""The supervisor with made-up processes and a made-up clock: nothing sleeps."""

import threading

import pytest

from daemon.errors import OperatorError
from daemon.metrics import RunMetrics, new_registry
from daemon.readiness import ask_all
from daemon.supervisor.restarts import RestartRules
from daemon.supervisor.supervisor import Supervisor


class World:
    """Processes, a clock that pauses move, and what happened."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[str] = []
        self.stubborn: set[str] = set()
        self.slow_s = 0.0
        self.alive: dict[str, FakeProcess] = {}
        self.spawned: list[str] = []

    def spawn(self, role: str) -> "FakeProcess":
        self.spawned.append(role)
        self.alive[role] = FakeProcess(self, role, len(self.spawned))
        return self.alive[role]

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


class FakeProcess:
    def __init__(self, world: World, role: str, pid: int) -> None:
        self.world, self.role, self.pid = world, role, pid
        self.status: int | None = None
        self.ends_at: float | None = None

    def poll(self) -> int | None:
        if self.status is None and self.ends_at is not None and self.world.now >= self.ends_at:
            self.status = 0
            self.world.events.append(f"{self.role} ended")
        return self.status

    def terminate(self) -> None:
        self.world.events.append(f"{self.role} asked")
        if self.role not in self.world.stubborn:
            self.ends_at = self.world.now + self.world.slow_s

    def kill(self) -> None:
        self.status = -9
        self.world.events.append(f"{self.role} killed")

    def last_words(self) -> str:
        return f"{self.role} says ouch"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def registry():
    return new_registry()


@pytest.fixture
def supervisor(world, registry) -> Supervisor:
    return Supervisor(
        world.spawn,
        RestartRules(2, 100),
        RunMetrics(registry),
        stop_timeout_s=20,
        clock=world.clock,
        pause=world.pause,
    )


def up(registry, role: str) -> float | None:
    return registry.get_sample_value("tidemill_role_up", {"role": role})


def test_one_of_each_is_started_once(world, supervisor, registry):
    supervisor.run_once()
    supervisor.run_once()
    assert sorted(world.spawned) == ["ingest", "learn", "serve"]
    assert [up(registry, role) for role in ("ingest", "learn", "serve")] == [1, 1, 1]


def test_a_dead_role_is_started_again_after_its_delay(world, supervisor, registry):
    supervisor.run_once()
    world.alive["learn"].status = -9
    supervisor.run_once()
    assert up(registry, "learn") == 0
    assert [check.ok for check in ask_all(supervisor.asks())] == [True, False, True]
    supervisor.run_once()
    assert world.spawned.count("learn") == 1
    world.now += 1
    supervisor.run_once()
    assert world.spawned.count("learn") == 2
    assert up(registry, "learn") == 1
    assert registry.get_sample_value("tidemill_role_restarts_total", {"role": "learn"}) == 1
    assert world.spawned.count("ingest") == 1


def test_a_role_that_ends_unasked_counts_as_dead_also_with_status_0(world, supervisor):
    supervisor.run_once()
    world.alive["serve"].status = 0
    supervisor.run_once()
    world.now += 1
    supervisor.run_once()
    assert world.spawned.count("serve") == 2


def test_a_role_that_keeps_dying_is_given_up_loudly(world, supervisor):
    def die() -> None:
        world.now += 2
        supervisor.run_once()
        world.alive["learn"].status = 1
        supervisor.run_once()

    die()
    die()
    with pytest.raises(OperatorError) as caught:
        die()
    assert caught.value.exit_code == 1
    assert "learn died 3 times" in str(caught.value)
    assert "learn says ouch" in str(caught.value)


def test_deaths_far_apart_are_forgiven(world, supervisor):
    for _ in range(10):
        world.now += 101
        supervisor.run_once()
        world.alive["learn"].status = 1
        supervisor.run_once()


def test_a_wrong_configuration_is_not_tried_again(world, supervisor):
    supervisor.run_once()
    world.alive["ingest"].status = 2
    with pytest.raises(OperatorError) as caught:
        supervisor.run_once()
    assert caught.value.exit_code == 2
    assert "ingest says ouch" in str(caught.value)


def test_all_are_stopped_one_after_the_other(world, supervisor, registry):
    supervisor.run_once()
    world.slow_s = 1.0
    supervisor.stop_all()
    assert world.events == [
        "ingest asked",
        "ingest ended",
        "learn asked",
        "learn ended",
        "serve asked",
        "serve ended",
    ]
    assert [up(registry, role) for role in ("ingest", "learn", "serve")] == [0, 0, 0]


def test_what_does_not_stop_is_killed_within_the_time(world, supervisor):
    world.stubborn = {"ingest", "learn", "serve"}
    supervisor.run_once()
    supervisor.stop_all()
    assert world.events[-3:] == ["ingest killed", "learn killed", "serve killed"]
    assert world.now <= 20.5


def test_one_that_hangs_does_not_keep_the_others_from_stopping_in_order(world, supervisor):
    world.stubborn = {"ingest"}
    supervisor.run_once()
    supervisor.stop_all()
    assert [event for event in world.events if "killed" in event] == ["ingest killed"]
    assert world.events.index("learn ended") < world.events.index("serve asked")


def test_a_role_that_waits_for_its_restart_needs_no_stopping(world, supervisor):
    supervisor.run_once()
    world.alive["learn"].status = 1
    supervisor.run_once()
    supervisor.stop_all()
    assert "learn asked" not in world.events


def test_giving_up_stops_the_others(world, supervisor):
    supervisor.run_once()
    world.alive["ingest"].status = 2
    with pytest.raises(OperatorError):
        supervisor.run(threading.Event())
    assert world.alive["learn"].status == world.alive["serve"].status == 0


def test_a_stop_before_the_start_starts_nothing(world, supervisor):
    stop = threading.Event()
    stop.set()
    supervisor.run(stop)
    assert world.spawned == []
