"""Start from weights that exist: a .pth or .safetensors file of the same architecture."""

from dataclasses import dataclass
from pathlib import Path

from model.network.network import Network


@dataclass(frozen=True, slots=True)
class InitialFacts:
    """What was taken from the file."""

    loaded: int
    """Tensors taken."""
    head_loaded: bool
    """False where the file has another number of classes."""
    stem_loaded: bool
    """False where the file's stem has another shape, as for small images."""
    left_random: tuple[str, ...]
    """Names of the tensors that keep their random values."""


def load_initial_weights(network: Network, path: Path) -> InitialFacts:
    """Copy the file's tensors into the network. Raises InitialWeightsError; then the network may be half loaded."""
    raise NotImplementedError
