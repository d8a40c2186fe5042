"""The network: normalise, classify. Pixels in 0..1 go in, logits come out."""

from typing import cast

import torch
from torch import Tensor, nn

from model.network.normalisation import Normalisation
from model.network.spec import NetworkSpec


class Network(nn.Module):
    """A classifier with its normalisation inside. Traceable: the graph does not depend on the data.

    `body` maps normalised images to logits; its last layer is the nn.Linear named `head_name` (within `body`).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: NetworkSpec, body: nn.Module, head_name: str, normalisation: Normalisation) -> None:
        super().__init__()
        self.spec = spec
        self.body = body
        self.head_name = head_name
        self.register_buffer("mean", torch.tensor(normalisation.mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(normalisation.std, dtype=torch.float32).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map float32 [n, 3, size, size] in 0..1, RGB, to logits [n, classes_n]."""
        return cast("Tensor", self.body((image - self.mean) / self.std))

    @property
    def head(self) -> nn.Linear:
        """The last layer."""
        return cast("nn.Linear", self.body.get_submodule(self.head_name))

    @property
    def head_parameters(self) -> tuple[str, ...]:
        """Names of the head's parameters among `named_parameters()`; each has a row for each class."""
        names = ("weight",) if self.head.bias is None else ("weight", "bias")
        return tuple(f"body.{self.head_name}.{name}" for name in names)

    def set_normalisation(self, normalisation: Normalisation) -> None:
        """Fix mean and deviation of the input. Done once, before the first step."""
        with torch.no_grad():
            self.mean.copy_(torch.tensor(normalisation.mean).view(1, 3, 1, 1))
            self.std.copy_(torch.tensor(normalisation.std).view(1, 3, 1, 1))
