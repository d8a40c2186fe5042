"""Multilayer perceptrons on flattened pixels: fast, for tests and benchmarks. `model.network.mlp:mlp`, `:grey_mlp`."""

from torch import Tensor, nn

HIDDEN = 400


def mlp(classes_n: int, size: int) -> nn.Module:
    """Return pixels-400-400-classes with ReLU, on [n, 3, size, size]: 784-400-400 for each colour of 28 px."""
    return _layers(3 * size * size, classes_n)


def grey_mlp(classes_n: int, size: int) -> nn.Module:
    """Return the same on the mean of the three colours, for grey pictures: exactly 784-400-400-classes at 28 px."""
    return nn.Sequential(Grey(), *_layers(size * size, classes_n))


class Grey(nn.Module):
    """[n, 3, h, w] to [n, 1, h, w]: the mean of the colours."""

    def forward(self, image: Tensor) -> Tensor:
        """Average the colours."""
        return image.mean(dim=1, keepdim=True)


def _layers(inputs_n: int, classes_n: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs_n, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, classes_n),
    )
