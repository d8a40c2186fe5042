"""What a network is, apart from its weights. Loads no torch."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

SMALL_SIZE_MAX = 64
"""Side in pixels up to which `stem="auto"` takes a stem fit for small images."""

Stem = Literal["auto", "torchvision"]
Trainable = Literal["all", "last-block", "head"]


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Enough to build the graph again: whatever changes the graph is in here. Weights and normalisation are not."""

    architecture: str
    """A torchvision classifier by name, or "package.module:factory"."""
    size: int
    """Side of the square input, in pixels."""
    classes_n: int
    stem: Stem = "auto"
    """auto: one fit for small images where size <= 64; torchvision: as torchvision builds it."""

    def __post_init__(self) -> None:
        if self.size < 1 or self.classes_n < 1:
            raise ValueError(f"size and classes_n are at least 1, not {self.size} and {self.classes_n}")

    @property
    def own(self) -> bool:
        """Whether the architecture is a "package.module:factory"."""
        return ":" in self.architecture

    @property
    def small_stem(self) -> bool:
        """Whether the stem is replaced by one for small images."""
        return self.stem == "auto" and self.size <= SMALL_SIZE_MAX and not self.own

    def with_classes(self, classes_n: int) -> "NetworkSpec":
        """Return the same network with another number of classes."""
        return replace(self, classes_n=classes_n)

    def to_json(self) -> str:
        """Return the spec as JSON: the same spec gives the same text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "NetworkSpec":
        """Read what `to_json` wrote. Raises ValueError or TypeError on anything else."""
        return cls(**json.loads(text))
