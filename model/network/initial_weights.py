"""Start from weights that exist: a .pth or .safetensors file of the same architecture."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from model.network.build import build
from model.network.errors import InitialWeightsError, TrainableError
from model.network.families import family_of
from model.network.network import Network
from model.network.spec import NetworkSpec, Trainable
from model.network.trainable import frozen_names
from model.network.weights_file import read_weights

NAMED = 5
"""Names of tensors that a message lists."""


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
    place: str = ""
    """The keys of the checkpoint that lead to what was taken, as "model_ema"; empty: the file is a state dict."""


def load_initial_weights(network: Network, path: Path) -> InitialFacts:
    """Copy the file's tensors into the network. Raises InitialWeightsError; the network is then as it was."""
    expected = network.body.state_dict()
    found = read_weights(path, expected)
    given = found.tensors
    head = {f"{network.head_name}.weight", f"{network.head_name}.bias"} & expected.keys()
    stem = set(family_of(network.spec.architecture).stem_tensors)
    fitting = {name for name, tensor in given.items() if name in expected and tensor.shape == expected[name].shape}
    if not head <= fitting:
        fitting -= head
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    problems = {
        "missing": expected.keys() - given.keys() - counters - head,
        "unexpected": given.keys() - expected.keys(),
        "of another shape": (given.keys() & expected.keys()) - fitting - head - stem,
    }
    _refuse_misfits(path, network.spec.architecture, problems)
    with torch.no_grad():
        for name in fitting:
            expected[name].copy_(given[name])
    left = tuple(sorted(expected.keys() - fitting - counters))
    return InitialFacts(len(fitting), head <= fitting, stem <= fitting, left, found.place)


def check_initial_weights(spec: NetworkSpec, path: Path, trainable: Trainable = "all") -> InitialFacts:
    """Load the file into a network that is thrown away; return what it would take. For the start.

    Raises InitialWeightsError, and TrainableError where random weights would stay what they are.
    """
    network = build(spec, seed=0)
    facts = load_initial_weights(network, path)
    stuck = sorted(frozen_names(network, trainable) & {f"body.{name}" for name in facts.left_random})
    if stuck:
        raise TrainableError(
            f'model.trainable "{trainable}": {stuck[0].removeprefix("body.")} would stay at random values, for '
            f'{path} has none of its shape; set model.stem to "torchvision", or model.trainable to "all"'
        )
    return facts


def _refuse_misfits(path: Path, architecture: str, problems: Mapping[str, set[str]]) -> None:
    said = [
        f"{kind}: {', '.join(sorted(names)[:NAMED])}{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''}"
        for kind, names in problems.items()
        if names
    ]
    if said:
        raise InitialWeightsError(
            f"model.initial_weights: {path} does not fit model.architecture {architecture!r} ({'; '.join(said)}); "
            "give the weights of that architecture"
        )
