"""What is known of a Tidemill at one moment. Whatever did not answer is None, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daemon.readiness import Check

if TYPE_CHECKING:
    from model.store.facts import Version
    from model.store.outlook import Outlook
    from model.window import LogKey
    from streaming.buffer import LogState, Outcomes
    from streaming.kafka_ends import Ends

ROLES = ("ingest", "learn", "serve", "run")


@dataclass(frozen=True, slots=True)
class Progress:
    """The round in progress, as its learner says."""

    round: int
    stage: str | None
    """None: between two stages."""
    step: int
    """Of training; 0 before its first."""
    steps: int
    seconds: float | None
    """Since the round began."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role, as it answers at its port on this host."""

    name: str
    port: int
    """0: any free one, so that it cannot be asked."""
    ready: bool | None = None
    """None: nothing answers there, so it is dead, or runs on another host."""
    stranger: bool = False
    """Whether something else answers there."""
    checks: tuple[Check, ...] = ()
    outages_s: Mapping[str, float] = field(default_factory=dict)
    """By what is away: for how many seconds."""
    pauses: frozenset[str] = frozenset()
    """Why an ingestor takes no records."""
    followers: Mapping[str, int] | None = None
    """Of `serve`: clients by the version that they have; None where it does not say."""
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Brake:
    """A topic that an ingestor's brake has stopped."""

    ingestor: str
    topic: str
    """Empty: every topic, as 0.1 counted."""
    outcomes: "Outcomes"
    blame: str
    """Reasons and sources, in words."""


@dataclass(frozen=True, slots=True)
class Redis:
    """What Redis says."""

    logs: "tuple[LogState, ...]"
    dead_lettered: Mapping[str, Mapping[str, int]]
    clocks: Mapping[str, Any]
    unsafe: str
    """Why it may drop what it holds; empty where it does not."""
    brakes: tuple[Brake, ...] = ()


@dataclass(frozen=True, slots=True)
class Kafka:
    """What the brokers say."""

    ends: "Mapping[tuple[str, str, int], Ends]"
    """By topic, topic id and partition."""
    missing: tuple[str, ...] = ()
    """Topics that do not exist."""
    hanging_s: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    """For how many seconds nothing was written in the transaction that is open, by place."""


@dataclass(frozen=True, slots=True)
class State:
    """What the learner's state directory says."""

    champion: "Version | None"
    last_round: int
    positions: "Mapping[LogKey, int]"
    store: Mapping[str, int]
    drift: Mapping[str, Any] | None
    waiting: Mapping[str, Any]
    classes: Mapping[str, Any]
    relabels: Mapping[str, Any]
    outlook: "Outlook"
    learner_lives: bool | None
    """Whether a process holds the directory's lock; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system below a folder."""

    setting: str
    path: str
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CutOff:
    """A log that ends before what was read of it: its partition stands still."""

    topic: str
    partition: int
    read: int
    end: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """What did not answer, or cannot be read: found by asking it from here."""

    kind: str
    """One of the kinds of `daemon/cli/overview/judge.py`."""
    what: str
    cure: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything."""

    now_ms: int
    """This host's time of day."""
    roles: Mapping[str, Role]
    redis: Redis | None = None
    kafka: Kafka | None = None
    state: State | None = None
    disks: tuple[Disk, ...] = ()
    cut_off: tuple[CutOff, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is no trace of a Tidemill: no state, no role, nothing in Redis."""
        answering = any(role.ready is not None for role in self.roles.values())
        unreadable = any(one.kind == "state" for one in self.troubles)
        return not (self.state or unreadable or answering or (self.redis and self.redis.logs))
