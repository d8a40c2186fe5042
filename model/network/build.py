"""Build a network from its spec. Weights are random: nothing is ever downloaded."""

from torch import nn

from model.network.network import Network
from model.network.normalisation import IDENTITY, Normalisation
from model.network.spec import NetworkSpec


def build(spec: NetworkSpec, seed: int, normalisation: Normalisation = IDENTITY) -> Network:
    """Build the network with random weights that follow from `seed`, on the CPU, in training mode.

    Torch's global generator is left as it was. Raises UnsupportedArchitectureError.
    """
    raise NotImplementedError


def check_architecture(spec: NetworkSpec) -> None:
    """Build the network once and put an image through it. Raises UnsupportedArchitectureError. For the start."""
