"""The moving average of weights, over rounds (Polyak and Juditsky 1992), at first over a part of the steps so far.

After t steps the newest weights enter with the greater of 1 - d and (a + 1) / (t + a), a = 8: polynomial-decay
averaging (Shamir and Zhang 2013) until its memory, about a ninth of the steps, is as long as the decay's. An average
of decay 0.99 that is only corrected for its start is for its first hundred steps the plain mean of all of them, and
lags far behind (decision 10). A row of the head counts its steps from its own birth, so that a new class is
not held back by the age of the others.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

SHARPNESS = 8.0
"""The higher, the shorter the memory of the first steps; 0: their plain mean."""


class WeightAverage:
    """Averages of a network's parameters. `tensors`: by name, float32; `rows_born`: int64 [classes_n], in steps."""

    def __init__(self, tensors: dict[str, Tensor], rows_born: Tensor, steps: int) -> None:
        self.tensors = tensors
        self.rows_born = rows_born
        self.steps = steps

    @classmethod
    def of(cls, parameters: Mapping[str, nn.Parameter], classes_n: int) -> "WeightAverage":
        """Return the average of nothing yet: the weights as they are, in copy."""
        copies = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        return cls(copies, torch.zeros(classes_n, dtype=torch.int64), 0)

    def update(self, parameters: Mapping[str, nn.Parameter], head: Sequence[str], decay: float) -> None:
        """Take in the weights after a step. `head`: names of the parameters that have a row for each class.

        Averages of parameters that are not given stay as they are.
        """
        self.steps += 1
        body = [name for name in parameters if name not in head]
        with torch.no_grad():
            # foreach: one launch on CUDA instead of one for each tensor.
            if body:
                weight = self._weight(decay)
                torch._foreach_lerp_([self.tensors[n] for n in body], [parameters[n] for n in body], weight)
            rows = self._row_weights(decay).to(self.tensors[head[0]].device, non_blocking=True)
            for name in head:
                by_row = rows.view(-1, *[1] * (self.tensors[name].dim() - 1))
                self.tensors[name].lerp_(parameters[name], by_row)

    def grow(self, name: str, new_rows: Tensor) -> None:
        """Append rows to one of the head's averages."""
        self.tensors[name] = torch.cat([self.tensors[name], new_rows.to(self.tensors[name])])

    def bear(self, rows_n: int) -> None:
        """Note that the head has `rows_n` more rows from this step on."""
        self.rows_born = torch.cat([self.rows_born, torch.full((rows_n,), self.steps, dtype=torch.int64)])

    def keep(self, head: Sequence[str], rows: list[int]) -> None:
        """Keep these rows of the head's averages, in this order."""
        for name in head:
            self.tensors[name] = self.tensors[name][rows].clone()
        self.rows_born = self.rows_born[rows].clone()

    def _weight(self, decay: float) -> float:
        return max(1 - decay, (SHARPNESS + 1) / (self.steps + SHARPNESS))

    def _row_weights(self, decay: float) -> Tensor:
        age = (self.steps - self.rows_born).to(torch.float64)
        return ((SHARPNESS + 1) / (age + SHARPNESS)).clamp_min(1 - decay).to(torch.float32)
