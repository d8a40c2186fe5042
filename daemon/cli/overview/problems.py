"""What can be wrong, worst first."""

from dataclasses import dataclass

KINDS = (
    "state",
    "role",
    "redis",
    "kafka",
    "eviction",
    "redis_memory",
    "disk",
    "repository",
    "training",
    "learner",
    "partition",
    "topic",
    "dead_letters",
    "brake",
    "buffer",
    "late",
    "transaction",
    "records",
    "device",
    "exporter",
    "not_ready",
    "refusals",
    "announcement",
    "clock",
    "quarantine",
)
"""From what stops everything, or loses something, to what can wait until the morning."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    kind: str
    """One of KINDS."""
    what: str
    """What is the matter, in one line."""
    cure: str
    """What to do; empty where `what` says so itself."""
    seconds: float | None = None
    """Since when, where that is known."""


def worst_first(found: list[Problem]) -> list[Problem]:
    """Return the problems in the order of KINDS; those of one kind as they were found."""
    return sorted(found, key=lambda one: KINDS.index(one.kind))
