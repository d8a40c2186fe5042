"""Folds BatchNorm into the layer before it, on a copy: what is exported has no running statistics.

Both ONNX exporters fold by themselves, and what they fold can no longer be found by its value. So it is done here,
before the export, and in the same way before each refill. In evaluation mode BatchNorm is affine, so
`bn(conv(x))` is one convolution (Jacob et al. 2018, "Quantization and Training of Neural Networks", section 3.2).
"""

import copy
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, slots=True)
class FusedPair:
    """Module paths of a layer and of the BatchNorm that reads nothing but that layer's output."""

    host: str
    norm: str


def frozen_copy(network: nn.Module) -> nn.Module:
    """Return a copy of `network` on the CPU, float32, in evaluation mode. The network itself is not touched."""
    return copy.deepcopy(network).cpu().float().eval()


def fusable_pairs(network: nn.Module) -> tuple[FusedPair, ...]:
    """Return the pairs that can be fused, in the order of the network. A network that fx cannot trace has none."""
    try:
        graph = fx.Tracer().trace(network)
    except (AttributeError, RuntimeError, TypeError, ValueError):  # TraceError is a ValueError
        return ()
    modules = dict(network.named_modules(remove_duplicate=False))
    calls = [node for node in graph.nodes if node.op == "call_module"]
    uses: dict[int, int] = {}
    for node in calls:
        uses[id(modules[node.target])] = uses.get(id(modules[node.target]), 0) + 1
    return tuple(
        FusedPair(str(node.args[0].target), str(node.target)) for node in calls if _is_fusable(node, modules, uses)
    )


def _is_fusable(node: fx.Node, modules: dict[str, nn.Module], uses: dict[int, int]) -> bool:
    norm = modules[str(node.target)]
    before = node.args[0] if node.args else None
    if not isinstance(norm, _NORMS) or norm.running_mean is None or not isinstance(before, fx.Node):
        return False
    if before.op != "call_module" or len(before.users) != 1:
        return False
    host = modules[str(before.target)]
    linear = isinstance(host, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    # a layer that is called twice has one weight for two outputs: it cannot hold one output's statistics
    return (linear or isinstance(host, _CONVOLUTIONS)) and uses[id(host)] == 1 and uses[id(norm)] == 1


def fuse(network: nn.Module) -> nn.Module:
    """Fuse every fusable pair of `network` in place, and return it. It must be in evaluation mode, on the CPU."""
    for pair in fusable_pairs(network):
        host, norm = network.get_submodule(pair.host), network.get_submodule(pair.norm)
        if not isinstance(norm, _NORMS):
            continue
        with torch.no_grad():
            if isinstance(host, nn.Linear):
                fused: nn.Module = fuse_linear_bn_eval(host, norm)
            else:
                fused = fuse_conv_bn_eval(host, norm)  # type: ignore[type-var]
        network.set_submodule(pair.host, fused)
        network.set_submodule(pair.norm, nn.Identity())
    return network


def floating_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return every floating parameter and buffer by name, tied ones once: what a refill may have to write."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_floating_point():
            found[name] = tensor.detach()
    return found
