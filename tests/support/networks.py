"""Small networks with every trait that publication must cope with. The exporter's child imports them by name."""

import torch
from torch import nn


class Tiny(nn.Module):
    """Convolutions that fuse with BatchNorm, a BatchNorm that does not, two equal shapes, a linear head."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.5))
        self.before = nn.BatchNorm2d(3)
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.third = nn.Conv2d(6, 6, 3, padding=1)
        self.third_norm = nn.BatchNorm2d(6)
        self.hidden = nn.Linear(6, 8, bias=False)
        self.hidden_norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, classes)

    def forward(self, image):
        x = self.before(image - self.mean)
        x = torch.relu(self.first_norm(self.first(x)))
        x = torch.relu(self.second(x))
        x = torch.relu(self.third_norm(self.third(x))).mean((2, 3))
        return self.head(torch.relu(self.hidden_norm(self.hidden(x))))


class Tokens(nn.Module):
    """Linear layers on three dimensions: the exporter keeps their weights transposed, and without a name."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.inner = nn.Linear(16, 16)
        self.head = nn.Linear(16, classes)

    def forward(self, image):
        tokens = image.mean(1).flatten(2) if image.dim() == 5 else image.mean(1)
        return self.head(torch.relu(self.inner(tokens)).mean(1))


class Derived(nn.Module):
    """Its graph holds a number computed from a weight, which is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(1))
        self.head = nn.Linear(3, 2)

    def forward(self, image):
        return self.head(image.mean((2, 3))) * torch.exp(self.scale * 2.0)


class Literal(nn.Module):
    """Its graph holds a floating constant that no weight has a part in."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, image):
        return self.head(image.mean((2, 3)) * torch.tensor([0.25, 0.5, 0.75]))


class Unexportable(nn.Module):
    """Fails in the exporter's process."""

    def forward(self, image):
        raise RuntimeError("the network cannot be traced")


def randomised(network: nn.Module, seed: int) -> nn.Module:
    """Fill weights and statistics with random numbers, heads too: equal answers must come from equal weights."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1.0 + 0.5 * torch.tanh(noise))
            elif tensor.dim() > 1 and name.endswith("weight"):
                tensor.copy_(noise * (2.0 / tensor[0].numel()) ** 0.5)
            elif name.endswith("weight"):
                tensor.copy_(1.0 + 0.1 * noise)
            elif name.split(".")[-1] not in ("mean", "std"):
                tensor.copy_(0.1 * noise)
    return network.eval()


def small_mlp(classes_n: int, size: int) -> nn.Module:
    """A perceptron of a few kB, for states that are kept as fixtures."""
    hidden = 12
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, hidden), nn.ReLU(), nn.Linear(hidden, classes_n))
