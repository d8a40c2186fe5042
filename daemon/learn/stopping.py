"""What the learner still does when it is asked to stop, by the stage of the round that it is in."""

from collections.abc import Mapping
from typing import Any

from daemon.learn.observer import Stage
from daemon.learn.stages import LONG

SOON = (Stage.TRAIN, Stage.STAGE)
"""Stages that ask at each step whether they are to end; the other long ones end first, the next does not begin."""


def what_a_stop_does(status: Mapping[str, Any]) -> str:
    """Return, from the facts of `StatusBoard`, what happens before the process ends."""
    number, stage = status.get("round"), status.get("stage")
    if stage is None and number is not None:
        return f"round {number} ends before its next stage, and is done again after the next start"
    if stage is None or (number is None and stage == Stage.TAKE.value):
        return "no round is under way, state and repository are closed"
    where = f"round {number}" if number is not None else "the round"
    if stage in SOON:
        return f"{where} ends within its stage {stage}, and is done again after the next start"
    if stage in LONG:
        return f"{where} ends after its stage {stage}, and is done again after the next start"
    return f"{where} finishes its stage {stage}"
