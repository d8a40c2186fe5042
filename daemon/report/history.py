"""What the learner's database tells about versions and rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class History:
    """Everything up to now. Accuracies are shares of the samples held out at the time."""

    versions: tuple[Version, ...]
    champion: Version
    rounds: tuple[RoundFacts, ...]
    classes: tuple[str, ...]

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
    classes = tuple(dict.fromkeys(name for version in versions for name in version.manifest["classes"]))
    return History(versions, champion, tuple(_round(entry) for entry in ledger.rounds()), classes)


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
    )
