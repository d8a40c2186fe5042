"""How versions stand to each other: which is champion, which it came from, which a rollback has undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from daemon.report.history import History, Rollback


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a chart over versions marks."""

    champion: int
    past: frozenset[int]
    """The champion, and those that it came from."""
    rollbacks: tuple[Rollback, ...] = ()
    published_ms: Mapping[int, int] = field(default_factory=dict)
    """When each version was published, in milliseconds since the epoch."""

    @classmethod
    def plain(cls, versions: Sequence[int]) -> Self:
        """Return that of versions one after the other, the last being champion."""
        return cls(versions[-1], frozenset(versions))

    @classmethod
    def of(cls, history: History) -> Self:
        """Return that of a history."""
        return cls(
            history.champion.version,
            frozenset(history.versions[place].version for place in history.past),
            history.rollbacks,
            {one.version: one.published_at_ms for one in history.versions if one.published_at_ms is not None},
        )
