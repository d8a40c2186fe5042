"""Networks of one's own, good ones and bad ones, for `model.architecture`."""

import torch
from torch import Tensor, nn


def small_conv(classes_n: int, size: int) -> nn.Module:
    """Return a tiny network with all that needs care: convolution, BatchNorm, dropout, Linear."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(8 * (size // 2) ** 2, classes_n),
    )


def pooled(classes_n: int, size: int) -> nn.Module:
    """Return a network that costs next to nothing at any size: the means of fields, and one linear layer."""
    return nn.Sequential(nn.AvgPool2d(size // 8), nn.Flatten(), nn.Linear(3 * (size // (size // 8)) ** 2, classes_n))


def nothing(classes_n: int, size: int) -> object:
    """Return something that is no network."""
    return (classes_n, size)


def no_head(_classes_n: int, _size: int) -> nn.Module:
    """Return a network without a Linear."""
    return nn.Flatten()


def other_head(classes_n: int, size: int) -> nn.Module:
    """Return a network with a logit too many."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, classes_n + 1))


def probabilities(classes_n: int, size: int) -> nn.Module:
    """Return a network that gives probabilities where logits are wanted."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, classes_n), nn.Softmax(dim=1))


class _Pair(nn.Module):
    def __init__(self, classes_n: int, size: int) -> None:
        super().__init__()
        self.head = nn.Linear(3 * size * size, classes_n)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.head(image.flatten(1))
        return logits, torch.zeros_like(logits)


def pair(classes_n: int, size: int) -> nn.Module:
    """Return a network that gives a tuple."""
    return _Pair(classes_n, size)


def wrong_size(classes_n: int, size: int) -> nn.Module:
    """Return a network for images of another size."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size + 1, classes_n))
