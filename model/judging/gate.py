"""May the candidate replace the champion?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from model.judging.answers import Answers


class Decision(StrEnum):
    """The gate's verdict."""

    PROMOTED = "promoted"
    HELD = "held"
    HARMFUL = "harmful"


@dataclass(frozen=True, slots=True)
class GateOptions:
    """The configuration's `[gate]`."""

    alpha: float = 0.05
    when_uncertain: Literal["publish", "hold"] = "publish"
    first_holdout: int = 30


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class on the holdout."""

    n: int
    candidate: float
    champion: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and what it rests on. Accuracies in 0..1; points are percent of accuracy."""

    decision: Decision
    reason: str
    holdout: int
    candidate_accuracy: float | None
    champion_accuracy: float | None
    negative_flip_rate: float | None
    per_class: Mapping[int, ClassScore]
    p_value: float | None
    detectable_points: float | None


def gate(candidate: Answers, champion: Answers | None, options: GateOptions) -> Verdict:
    """Judge the candidate on held-out samples, paired with the champion's answers on the same; None: no champion yet.

    Raises ValueError when the two were not asked the same.
    """
    raise NotImplementedError
