"""The named steps of a record's way and of a round, before and after each of which a process may be killed."""

from daemon.ingest.faults import FAULT_POINTS
from daemon.learn.observer import Stage

INGEST = FAULT_POINTS
"""In an ingestor, in the order of a record's way."""

STAGES = tuple(f"round.{stage.value}.{when}" for stage in Stage for when in ("before", "after"))
STORE = (
    "segment.before",
    "segment.after",
    "claim.before",
    "claim.inside",
    "claim.after",
    "weights.before",
    "weights.after",
    "commit.before",
    "commit.inside",
    "commit.after",
    "publication.before",
    "publication.after",
    "retirement.before",
    "retirement.inside",
    "retirement.after",
    "compaction.before",
    "compaction.inside",
    "compaction.after",
)
REPOSITORY = (
    *(
        f"{when} {what}"
        for what in ("version", "labels.txt", "config.pbtxt", "champion.json", "retired.json", "removal")
        for when in ("before", "after")
    ),
    "within removal",
)

LEARN = STAGES + STORE + REPOSITORY
"""In the learner: of its round, of its state directory, of its repository."""

NEW_CLASS = frozenset({"before labels.txt", "after labels.txt"})
"""Reached only by a version that knows another class than the one before it."""

ALL = INGEST + LEARN


def role_of(point: str) -> str:
    """Return the role that reaches `point`. Raises KeyError for a name that is no step's."""
    if point in INGEST:
        return "ingest"
    if point in LEARN:
        return "learn"
    raise KeyError(f"{point!r} is no named step")
