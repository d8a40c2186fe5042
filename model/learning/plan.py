"""How many steps a round trains, and of what each batch is made."""

from dataclasses import dataclass

from model.learning.options import PlanOptions


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of a round. `fresh_n` and `replay_n` samples (repeats included) are spread evenly over `steps`."""

    steps: int
    fresh_n: int
    replay_n: int
    """As many as are to be drawn from the store."""

    @property
    def fresh_share(self) -> float:
        """Share of fresh samples among all that are trained on."""
        return self.fresh_n / (self.fresh_n + self.replay_n)


def plan_round(fresh_n: int, options: PlanOptions, *, replay: bool) -> Plan:
    """Plan a round of `fresh_n` fresh samples. `replay`: whether the store has anything to replay.

    Raises ValueError when `fresh_n` is less than 1.
    """
    raise NotImplementedError
