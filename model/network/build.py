"""Build a network from its spec. Weights are random: nothing is ever downloaded."""

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from model.network.conduct import ERROR_MAX, FAILURES, generators_kept, why_not
from model.network.errors import NetworkError, UnsupportedArchitectureError
from model.network.families import build_body
from model.network.network import Network
from model.network.normalisation import IDENTITY, Normalisation
from model.network.spec import NetworkSpec


def build(spec: NetworkSpec, seed: int, normalisation: Normalisation = IDENTITY) -> Network:
    """Build the network with random weights that follow from `seed`, on the CPU, in training mode.

    Torch's global generator is left as it was. Raises UnsupportedArchitectureError.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = _own_body(spec) if spec.own else _torchvision_body(spec)
    return Network(spec, body, _head_name(spec, body), normalisation).train()


def check_architecture(spec: NetworkSpec) -> None:
    """Build the network once and put an image through it. Raises UnsupportedArchitectureError. For the start.

    A network of one's own must answer as a published one has to (conduct.py), and grow by a class in its head alone.
    """
    with generators_kept():
        _check(spec)


def _check(spec: NetworkSpec) -> None:
    network = build(spec, seed=0).eval()
    last: list[Any] = []
    hook = network.head.register_forward_hook(lambda _module, _inputs, output: last.append(output))
    image = torch.zeros(2, 3, spec.size, spec.size)
    try:
        with torch.no_grad():
            logits: object = network(image)
    except FAILURES as error:
        why = f"an image of {spec.size} pixels does not pass through it ({_one_line(error)})"
        raise _refusal(spec, why) from error
    finally:
        hook.remove()
    if not isinstance(logits, Tensor) or logits.shape != (2, spec.classes_n):
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise _refusal(spec, f"it gives {shape} instead of logits [images, classes]")
    if not last or last[0] is not logits:
        raise _refusal(spec, "its logits are not what its last nn.Linear gives")
    if spec.own:
        _check_own(spec, network)


def _check_own(spec: NetworkSpec, network: Network) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    try:
        why = why_not(network)
    except FAILURES as error:
        raise _refusal(spec, f"a picture does not pass through it ({_one_line(error)})") from error
    if why:
        raise _refusal(spec, why)
    grown = build(spec.with_classes(spec.classes_n + 1), seed=0)
    more = {name: tuple(tensor.shape) for name, tensor in grown.state_dict().items()}
    moved = sorted(name for name in shapes.keys() | more.keys() if shapes.get(name) != more.get(name))
    moved = [name.removeprefix("body.") for name in moved if name not in network.head_parameters]
    if moved or grown.head_name != network.head_name:
        name = moved[0] if moved else grown.head_name
        raise _refusal(spec, f"{name} is another one when it is built for a class more: only its last nn.Linear may be")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:ERROR_MAX]


def _torchvision_body(spec: NetworkSpec) -> nn.Module:
    try:
        return build_body(spec)
    except ValueError as error:
        raise _refusal(spec, str(error)) from error


def _own_body(spec: NetworkSpec) -> nn.Module:
    module_name, _, name = spec.architecture.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except ImportError as error:
        raise _refusal(spec, f"it cannot be imported ({error}); is its package installed beside tidemill?") from error
    except AttributeError as error:
        raise _refusal(spec, f"module {module_name} has no {name}") from error
    except FAILURES as error:
        raise _refusal(spec, f"importing {module_name} raises {_one_line(error)}") from error
    try:
        body: object = factory(spec.classes_n, spec.size)
    except NetworkError:
        raise  # ours, with its cure
    except FAILURES as error:
        raise _refusal(spec, f"the factory raises {_one_line(error)}") from error
    if not isinstance(body, nn.Module):
        raise _refusal(spec, f"the factory gives {type(body).__name__} instead of a torch.nn.Module")
    return body


def _head_name(spec: NetworkSpec, body: nn.Module) -> str:
    linear: list[str] = [name for name, module in body.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise _refusal(spec, "it has no nn.Linear as its last layer")
    head = body.get_submodule(linear[-1])
    if not isinstance(head, nn.Linear) or head.out_features != spec.classes_n:
        raise _refusal(spec, f"its last nn.Linear does not give {spec.classes_n} logits")
    return linear[-1]


def _refusal(spec: NetworkSpec, why: str) -> UnsupportedArchitectureError:
    cure = (
        "factory(classes_n, size) must give a torch.nn.Module from [n, 3, size, size] to logits, with a last nn.Linear"
    )
    if not spec.own:
        cure = "choose another image.size or model.stem, or another model.architecture"
    return UnsupportedArchitectureError(f"model.architecture {spec.architecture!r}: {why}; {cure}")
