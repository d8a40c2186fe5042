"""A head with more classes, or fewer; the rows that stay are untouched."""

from typing import cast

import torch
from torch import Tensor, nn

from model.network.network import Network


def grow(network: Network, classes_n: int, seed: int) -> None:
    """Give the head rows for classes up to `classes_n`, in place; old rows stay bit for bit.

    New weights: random directions from `seed`, at the mean norm of the old rows. New biases: the least of the old.
    The head's parameters are new objects afterwards. Raises ValueError when `classes_n` is less than there are.
    """
    old_n = network.spec.classes_n
    if classes_n < old_n:
        raise ValueError(f"a head of {old_n} classes cannot shrink to {classes_n}")
    if classes_n == old_n:
        return
    head = network.head
    head.weight = nn.Parameter(_grown_weight(head.weight.detach(), classes_n - old_n, seed))
    if head.bias is not None:
        head.bias = nn.Parameter(_grown_bias(head.bias.detach(), classes_n - old_n))
    head.out_features = classes_n
    network.spec = network.spec.with_classes(classes_n)


def keep_rows(network: Network, rows: list[int]) -> None:
    """Give the head these of its rows, in this order and bit for bit, in place. Its parameters are new objects then.

    Raises ValueError where there is none.
    """
    if not rows:
        raise ValueError("a head needs a row")
    head = network.head
    head.weight = nn.Parameter(head.weight.detach()[rows].clone())
    if head.bias is not None:
        head.bias = nn.Parameter(head.bias.detach()[rows].clone())
    head.out_features = len(rows)
    network.spec = network.spec.with_classes(len(rows))


def with_rows(old: Tensor, new_rows: Tensor) -> Tensor:
    """Return `old` with `new_rows` below it, on the device and in the type of `old`."""
    return torch.cat([old, new_rows.to(old)])


def _grown_weight(old: Tensor, new_n: int, seed: int) -> Tensor:
    # Drawn on the CPU: the same on every device.
    directions = torch.randn(new_n, old.shape[1], generator=torch.Generator().manual_seed(seed))
    norm = cast("Tensor", old.norm(dim=1)).mean().cpu()
    return with_rows(old, nn.functional.normalize(directions, dim=1) * norm)


def _grown_bias(old: Tensor, new_n: int) -> Tensor:
    return with_rows(old, old.min().expand(new_n))
