"""May the candidate replace the champion?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from model.judging.answers import Answers
from model.judging.first_version import why_not_first
from model.judging.harm import WHOLE_SHARE, Evidence, find_harm, gather
from model.judging.paired import Pairing, detectable_points, pair
from model.judging.scores import ClassScore, score_classes
from model.judging.unconditional import unconditional_p_value

TELLING_POINTS = 2.0
"""A holdout is large enough to tell when it would catch a loss of so many points of accuracy."""


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


def gate(
    candidate: Answers,
    champion: Answers | None,
    options: GateOptions,
    evidence: Evidence | None = None,
    *,
    challenge: bool = False,
    classes: Sequence[str] = (),
) -> Verdict:
    """Judge the candidate on held-out samples, paired with the champion's answers on the same; None: no champion yet.

    `evidence`: what more there is to compare; without it, these answers are all. `challenge`: not to be worse is not
    enough, it must be significantly better. `classes`: their names, by index, for the reason.
    Raises ValueError when the two were not asked the same.
    """
    pairing = None if champion is None else pair(candidate, champion)
    p_value = points = None
    if champion is None or pairing is None:
        decision, reason = _first(candidate, options)
    else:
        every = np.ones(len(candidate.labels), np.bool_)
        found = evidence or gather(candidate, champion, every, every)
        p_value = found.whole_p_value
        points = detectable_points(found.whole, options.alpha * WHOLE_SHARE)
        names = dict(enumerate(classes))
        if challenge:
            decision, reason = _challenge(found, options, names)
        else:
            decision, reason = _compare(found, points, options, names)
    return Verdict(
        decision=decision,
        reason=reason,
        holdout=len(candidate.labels),
        candidate_accuracy=candidate.accuracy,
        champion_accuracy=None if champion is None else champion.accuracy,
        negative_flip_rate=None if pairing is None else pairing.negative_flip_rate,
        per_class=score_classes(candidate, champion),
        p_value=p_value,
        detectable_points=points,
    )


def _first(candidate: Answers, options: GateOptions) -> tuple[Decision, str]:
    if why := why_not_first(candidate, options.first_holdout):
        return Decision.HELD, why
    return Decision.PROMOTED, f"first version: surely better than guessing on {len(candidate.labels)} held out"


def _compare(evidence: Evidence, points: float, options: GateOptions, names: Mapping[int, str]) -> tuple[Decision, str]:
    if harm := find_harm(evidence, options.alpha, names):
        return Decision.HARMFUL, harm
    pairing = evidence.whole
    counts = f"{pairing.won} won and {pairing.lost} lost of {pairing.n} held out"
    said = f"not worse than the champion: {counts}, p = {evidence.whole_p_value:.3g}"
    if evidence.standing is not None and evidence.whole_p_value <= options.alpha * WHOLE_SHARE:
        before = evidence.standing.predecessors
        said = (
            f"not worse than the champion and the {before} before it, which are as good: {counts} against the champion"
            f", p = {evidence.standing_p_value:.3g} among all"
        )
    if points <= TELLING_POINTS:
        return Decision.PROMOTED, said
    unsure = f"{said}; only a loss of {points:.1f} points would show for sure"
    if options.when_uncertain == "hold":
        return Decision.HELD, unsure
    return Decision.PROMOTED, unsure


def _challenge(evidence: Evidence, options: GateOptions, names: Mapping[int, str]) -> tuple[Decision, str]:
    if harm := find_harm(evidence, options.alpha, names):
        return Decision.HELD, f"a challenger, {harm}"
    whole = evidence.whole
    p_value = unconditional_p_value(Pairing(whole.n, lost=whole.won, won=whole.lost))
    counts = f"{whole.won} won and {whole.lost} lost of {whole.n} held out, p = {p_value:.3g}"
    if p_value <= options.alpha:
        return Decision.PROMOTED, f"a challenger, significantly better than the champion: {counts}"
    return Decision.HELD, f"a challenger, not surely better than the champion: {counts}"
