"""The supervisor with made-up processes and a made-up clock: nothing sleeps."""

import errno
import threading

import pytest
from structlog.testing import capture_logs

from daemon.errors import OperatorError
from daemon.metrics import RunMetrics, new_registry
from daemon.readiness import ask_all
from daemon.supervisor.restarts import RestartRules
from daemon.supervisor.supervisor import AGAIN_S, FIRST_START_S, Supervisor


class World:
    """Processes, a clock that pauses move, and what happened."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[str] = []
        self.stubborn: set[str] = set()
        self.slow_s = 0.0
        self.alive: dict[str, FakeProcess] = {}
        self.spawned: list[str] = []
        self.refused: set[str] = set()
        self.hangup = False

    def again(self) -> bool:
        was, self.hangup = self.hangup, False
        return was

    def spawn(self, role: str) -> "FakeProcess":
        if role in self.refused:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
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
        again=world.again,
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


def look(supervisor, times=3):
    for _ in range(times):
        supervisor.run_once()


def die(world, supervisor, role, status=1):
    """Let a role start that is due, and end."""
    world.now += 2
    look(supervisor, 1)
    world.alive[role].status = status
    look(supervisor, 1)


def given_up(registry, role):
    return registry.get_sample_value("tidemill_role_given_up", {"role": role})


def check_of(supervisor, role):
    return next(check for check in ask_all(supervisor.asks()) if check.name == role)


def test_a_role_that_keeps_dying_is_given_up_loudly_and_the_others_live_on(world, supervisor, registry):
    assert [given_up(registry, role) for role in ("ingest", "learn", "serve")] == [0, 0, 0]
    for _ in range(3):
        die(world, supervisor, "learn")
    world.now += 60
    look(supervisor)
    assert world.spawned.count("learn") == 3 and world.spawned.count("serve") == world.spawned.count("ingest") == 1
    assert (up(registry, "learn"), given_up(registry, "learn")) == (0, 1)
    assert (up(registry, "serve"), given_up(registry, "serve")) == (1, 0)
    check = check_of(supervisor, "learn")
    assert not check.ok
    assert check.reason == (
        "given up: learn died 3 times in short order (run.restart_max), the last time with status 1: learn says ouch."
        " It is tried again every 10 minutes"
    )
    assert [check_of(supervisor, role).ok for role in ("ingest", "serve")] == [True, True]


def test_what_died_too_often_is_tried_again_by_itself_and_given_up_again(world, supervisor, registry):
    for _ in range(3):
        die(world, supervisor, "learn")
    world.now += AGAIN_S
    look(supervisor)
    assert world.spawned.count("learn") == 4
    assert (up(registry, "learn"), given_up(registry, "learn")) == (1, 0)
    assert check_of(supervisor, "learn").ok
    for _ in range(3):
        die(world, supervisor, "learn")
    assert world.spawned.count("learn") == 6 and given_up(registry, "learn") == 1


@pytest.mark.parametrize("status", [2, 78])
def test_what_says_that_a_person_must_act_is_not_started_again_until_one_has(world, supervisor, registry, status):
    look(supervisor)
    world.now += FIRST_START_S
    world.alive["learn"].status = status
    with capture_logs() as logs:
        for _ in range(4):
            look(supervisor)
            world.now += AGAIN_S
    assert world.spawned.count("learn") == 1 and given_up(registry, "learn") == 1
    assert check_of(supervisor, "learn").reason == (
        f"given up: learn ended with status {status}: learn says ouch."
        " Put that right, then send SIGHUP to `tidemill run` or restart it"
    )
    said = [one["event"] for one in logs if "given up" in one["event"]]
    assert said == ["role given up, the others go on", *["role is still given up"] * 3]
    world.hangup = True
    look(supervisor)
    assert world.spawned.count("learn") == 2 and world.spawned.count("serve") == 1
    assert (up(registry, "learn"), given_up(registry, "learn")) == (1, 0)


def test_a_hangup_without_anything_given_up_changes_nothing(world, supervisor):
    look(supervisor)
    world.hangup = True
    look(supervisor)
    assert sorted(world.spawned) == ["ingest", "learn", "serve"]


def test_what_wants_a_person_is_given_up_also_at_the_first_start(world, supervisor, registry):
    look(supervisor, 1)
    world.alive["learn"].status = 78
    look(supervisor)
    assert given_up(registry, "learn") == 1 and up(registry, "serve") == 1


def test_a_configuration_that_is_wrong_at_a_restart_is_given_up(world, supervisor, registry):
    die(world, supervisor, "learn")
    die(world, supervisor, "learn", 2)
    look(supervisor)
    assert given_up(registry, "learn") == 1 and up(registry, "serve") == 1


def test_where_every_role_is_given_up_it_ends_with_a_status_of_its_own(world, supervisor):
    look(supervisor)
    for role in ("ingest", "learn"):
        world.alive[role].status = 78
    look(supervisor)
    world.alive["serve"].status = 78
    with pytest.raises(OperatorError) as caught:
        look(supervisor)
    assert caught.value.exit_code == 78
    assert all(f"{role} says ouch" in str(caught.value) for role in ("ingest", "learn", "serve"))


@pytest.mark.parametrize("dying", [("serve",), ("ingest", "learn", "serve")])
def test_while_a_role_is_tried_again_it_stays_up_though_every_role_is_given_up(world, supervisor, registry, dying):
    look(supervisor)
    for role in {"ingest", "learn"} - {*dying}:
        world.alive[role].status = 78
    for _ in range(3):
        world.now += 2
        look(supervisor)
        for role in dying:
            world.alive[role].status = 1
        look(supervisor)
    assert [given_up(registry, role) for role in ("ingest", "learn", "serve")] == [1, 1, 1]
    world.now += AGAIN_S
    look(supervisor)
    assert [up(registry, role) for role in dying] == [1] * len(dying)
    for role in dying:
        world.alive[role].status = 78
    with pytest.raises(OperatorError, match="every role is given up") as caught:
        look(supervisor)
    assert caught.value.exit_code == 78


def test_asked_to_stop_while_a_role_is_given_up_it_ends_well(world, supervisor):
    look(supervisor)
    world.alive["learn"].status = 78
    look(supervisor)
    stop = threading.Event()
    stop.set()
    supervisor.run(stop)
    assert [event for event in world.events if "asked" in event] == ["ingest asked", "serve asked"]


def test_a_process_that_cannot_be_had_counts_as_a_death(world, supervisor, registry):
    world.refused = {"learn"}
    for _ in range(3):
        look(supervisor)
        world.now += 5
    assert given_up(registry, "learn") == 1 and up(registry, "serve") == 1
    assert "Cannot allocate memory" in check_of(supervisor, "learn").reason


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


def test_a_wrong_configuration_at_the_start_stops_the_others(world, supervisor):
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
