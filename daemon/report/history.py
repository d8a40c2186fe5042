"""What the learner's database tells about versions and rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.store.facts import Outcome, Version
from model.store.ledger import Ledger

TAKEN = ("trained", "holdout", "duplicate", "dead_lettered", "waiting", "suspect", "expired")
"""What the records of a round became, in the order in which they are drawn."""


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """One committed round."""

    number: int
    outcome: Outcome
    version: int | None
    reason: str
    taken: dict[str, int]
    """Records by what they became, with the names of TAKEN."""
    prequential_accuracy: float | None
    committed_at: str
    """RFC 3339 in UTC."""
    undone: bool = False
    """Whether a rollback has cut it off from the champion's past."""

    @property
    def committed_ms(self) -> int:
        """When it was committed, in milliseconds since the epoch."""
        return round(1000 * datetime.fromisoformat(self.committed_at).timestamp())


@dataclass(frozen=True, slots=True)
class Rollback:
    """The champion pointer was moved back, or forth again."""

    at_ms: int
    came_from: int | None
    to: int
    after_version: int
    """The newest version then: where it stands among the versions."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything up to now. Accuracies are shares of the samples held out at the time."""

    versions: tuple[Version, ...]
    champion: Version
    """What the pointer names: after a rollback that is not the newest."""
    rounds: tuple[RoundFacts, ...]
    classes: tuple[str, ...]
    """Those of the champion in the order of its head, then those that only others knew."""
    undone: frozenset[int] = frozenset()
    """Versions that a rollback has cut off from the champion's past."""
    rollbacks: tuple[Rollback, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    """Of the classes that the champion has not: what became of each, as `retired` or `now 'frog'`."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Names that are taken as another one, and as which."""

    @property
    def known(self) -> tuple[str, ...]:
        """The champion's classes, in the order of its head."""
        return tuple(self.champion.manifest["classes"])

    @property
    def past(self) -> list[int]:
        """The places in `versions` of the champion and those that it came from, oldest first."""
        return [
            place
            for place, one in enumerate(self.versions)
            if one.version not in self.undone and one.version <= self.champion.version
        ]

    def accuracy_by_class(self) -> NDArray[np.float64]:
        """Return [classes, versions], each version's accuracy on each class when it was judged; NaN where unknown."""
        grid = np.full((len(self.classes), len(self.versions)), np.nan)
        rows = {name: row for row, name in enumerate(self.classes)}
        for column, version in enumerate(self.versions):
            for name, score in version.manifest["evaluation"]["per_class"].items():
                if name in rows and score["candidate"] is not None:
                    grid[rows[name], column] = score["candidate"]
        return grid

    def accuracy(self) -> NDArray[np.float64]:
        """Return [versions], each version's accuracy on all that was held out when it was judged."""
        found = [version.manifest["evaluation"]["candidate_accuracy"] for version in self.versions]
        return np.array([np.nan if value is None else value for value in found], np.float64)


def forgetting(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [classes, versions], what each version is below the best that one before it had (Chaudhry 2018).

    `grid` is `History.accuracy_by_class()`. Never negative; NaN where the class was not known before.
    """
    best = np.fmax.accumulate(grid, axis=1)
    lost = np.full_like(grid, np.nan)
    lost[:, 1:] = np.maximum(best[:, :-1] - grid[:, 1:], 0.0)
    return lost


def read_history(ledger: Ledger) -> History | None:
    """Return what was learnt, or None before the first version."""
    champion = ledger.champion()
    if champion is None:
        return None
    versions = tuple(version for version in ledger.versions() if version.published_at_ms is not None)
    known = tuple(champion.manifest["classes"])
    classes = tuple(dict.fromkeys((*known, *(name for version in versions for name in version.manifest["classes"]))))
    book = ledger.book()
    aliases, retired = book.aliases(), book.retired()
    left = {name: _fate(name, aliases, retired) for name in classes[len(known) :]}
    rounds = tuple(_round(entry) for entry in ledger.rounds())
    undone = frozenset(ledger.undone())
    return History(versions, champion, rounds, classes, undone, _rollbacks(ledger, versions), left, aliases)


def _fate(name: str, aliases: Mapping[str, str], retired: frozenset[str]) -> str:
    """Return what became of a class that the champion has not."""
    if name in aliases:
        return f"now {aliases[name]!r}"
    return "retired" if name in retired else "not the champion's"


def _rollbacks(ledger: Ledger, versions: Sequence[Version]) -> tuple[Rollback, ...]:
    found = []
    before: int | None = None
    for move in ledger.moves():
        if move.cause == "rollback":
            newest = max((one.version for one in versions if one.round <= move.after_round), default=0)
            found.append(Rollback(move.moved_at_ms, before, move.version, newest))
        before = move.version
    return tuple(found)


def _round(entry: dict[str, Any]) -> RoundFacts:
    lineage: Sequence[dict[str, Any]] = entry["lineage"]
    return RoundFacts(
        number=entry["round"],
        outcome=Outcome(entry["outcome"]),
        version=entry["version"],
        reason=entry["reason"],
        taken={kind: sum(one.get(kind, 0) for one in lineage) for kind in TAKEN},
        prequential_accuracy=entry["prequential_accuracy"],
        committed_at=entry["committed_at"],
        undone=entry.get("undone", False),
    )
