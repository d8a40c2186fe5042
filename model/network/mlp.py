"""A multilayer perceptron on flattened pixels: fast, for tests and benchmarks. `model.network.mlp:mlp`."""

from torch import nn

HIDDEN = 400


def mlp(classes_n: int, size: int) -> nn.Module:
    """Return pixels-400-400-classes with ReLU, on [n, 3, size, size]: 784-400-400 for each colour of 28 px."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * size * size, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, classes_n),
    )
