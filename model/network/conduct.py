"""Does a network of one's own answer as a published one must? The same picture, the same answer, alone or among others.

Asked at the start, on random pictures: what fails here would fail every window's comparison with ONNX Runtime, or its
training. Each answer is looked at twice, as logits and as what the head gets, and again with weights that were shaken:
a head or a scale that starts at zero hides what lies before it.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from model.network.network import Network

PICTURES = 4
PASSES = 3
"""Answers to the same pictures that are compared."""
PASSES_DRAWING = 64
"""The same, where random numbers are drawn: a branch that is left out in one of ten cases shows in 99.9 % of trials."""
ALIKE = 1e-3
"""Part of the largest number by which two answers may differ: sums of another batch are added up in another order."""
SHAKE = 0.02
ERROR_MAX = 300
"""Characters of what somebody else's code said that a refusal repeats."""
FAILURES = (Exception, SystemExit)
"""What somebody else's code may raise: anything, classes of its own, MemoryError and sys.exit() included.

A list of types let the rest through as a traceback. A stop is not among it: that is a flag, or KeyboardInterrupt.
"""


def why_not(network: Network) -> str:
    """Return what is wrong with the network's answers, and what would be right; empty: nothing.

    The network is changed, and the global generators of random numbers. Raises FAILURES.
    """
    size = network.spec.size
    pictures = torch.rand(PICTURES, 3, size, size, generator=torch.Generator().manual_seed(0))
    network.eval()
    with torch.no_grad():
        wrong = _form(network(pictures)) or _wavering(network, pictures)
        if not wrong:
            shake(network)
            wrong = _wavering(network, pictures)
    return wrong or _untrainable(network, pictures)


def _form(logits: Tensor) -> str:
    if logits.dtype != torch.float32:
        return f"it gives logits of {logits.dtype}, torch.float32 is published"
    if not bool(torch.isfinite(logits).all()):
        return "it gives logits that are not finite for pictures in 0..1"
    return ""


def _wavering(network: Network, pictures: Tensor) -> str:
    """Return in what answers to the same pictures differ, or what they leave behind."""
    drawn = _states()
    first = _answers(network, pictures)
    passes = PASSES if _states() == drawn else PASSES_DRAWING
    if not all(bool(torch.isfinite(one).all()) for one in first):
        return ""  # shaken too hard to tell
    before = _tensors(network)
    for _ in range(passes - 1):
        if not _alike(first, _answers(network, pictures)):
            return (
                "it answers at random in evaluation mode: the same picture twice gives two answers; use nn.Dropout, "
                "or pass training=self.training to F.dropout and whatever else draws random numbers"
            )
    for name, tensor in _tensors(network).items():
        if name not in before or not _same(before[name], tensor):
            return f"it changes its own {name} while it answers in evaluation mode: change it only where self.training"
    alone = [_answers(network, pictures[at : at + 1]) for at in range(len(pictures))]
    joined = [torch.cat(parts) for parts in zip(*alone, strict=True)]
    if not _alike(first, joined):
        return (
            "its answer to a picture hangs on the others in the batch; normalise by running statistics (nn.BatchNorm2d "
            "with track_running_stats, in eval mode) or within a picture (nn.GroupNorm, nn.LayerNorm)"
        )
    return ""


def _untrainable(network: Network, pictures: Tensor) -> str:
    """Return why a step of training would fail."""
    network.train()
    try:
        logits: object = network(pictures)
    except FAILURES as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:ERROR_MAX]
        return f"in training mode pictures do not pass through it ({said})"
    if not isinstance(logits, Tensor) or logits.shape != (len(pictures), network.spec.classes_n):
        return f"in training mode it gives {type(logits).__name__} instead of logits [images, classes]"
    if not logits.requires_grad:
        return "its logits carry no gradient in training mode: take torch.no_grad(), detach() or requires_grad out"
    return ""


def shake(network: nn.Module) -> None:
    """Add small random numbers to every parameter."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        if parameter.is_floating_point():
            parameter.add_(SHAKE * torch.randn(parameter.shape, generator=generator).to(parameter.dtype))


def _answers(network: Network, pictures: Tensor) -> list[Tensor]:
    """Return the logits, and what the head got where it is of one row for each picture."""
    got: list[object] = []
    hook = network.head.register_forward_hook(lambda _module, inputs, _output: got.append(inputs[0]))
    try:
        logits = network(pictures)
    finally:
        hook.remove()
    features = [one.clone() for one in got[-1:] if isinstance(one, Tensor) and len(one) == len(pictures)]
    return [logits.clone(), *features]


def _alike(ones: list[Tensor], others: list[Tensor]) -> bool:
    for one, other in zip(ones, others, strict=True):
        if one.shape != other.shape or float((one - other).abs().max()) > ALIKE * float(one.abs().max()):
            return False
    return True


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name.removeprefix("body."): tensor.detach().clone() for name, tensor in named}


def _states() -> tuple[bytes, object, object]:
    numpy = np.random.get_state(legacy=False)
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), str(numpy)


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave the global generators of random numbers, torch's, numpy's and Python's, as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
