"""Networks of one's own whose answers hang on chance, on their neighbours, or on what they answered before."""

import random
import sys

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.errors import UnsupportedArchitectureError


class _Net(nn.Module):
    """A convolution, a step that a subclass gives, and a head."""

    def __init__(self, classes_n: int, _size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, classes_n)

    def step(self, x: Tensor) -> Tensor:
        return x

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.step(torch.relu(self.first(image))).mean((2, 3)))


class dropout(_Net):  # noqa: N801 - all of these are named as factories are
    def step(self, x):
        return functional.dropout(x, 0.3)


class dropout_before_a_zero_head(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def step(self, x):
        return functional.dropout(x, 0.3)


class dropped_path(_Net):  # noqa: N801
    def step(self, x):
        return x + torch.relu(x - 0.1) * (torch.rand(()) > 0.1)


class noise_behind_a_tiny_scale(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.scale = nn.Parameter(torch.zeros(1))

    def step(self, x):
        return x + self.scale * torch.randn_like(x)


class drawn_by_numpy(_Net):  # noqa: N801
    def step(self, x):
        return x * float(np.random.rand())


class drawn_by_python(_Net):  # noqa: N801
    def step(self, x):
        return x * random.random()


class own_generator(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.generator = torch.Generator()

    def step(self, x):
        return x * torch.rand(x.shape, generator=self.generator)


class no_running_statistics(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.norm = nn.BatchNorm2d(8, track_running_stats=False)

    def step(self, x):
        return self.norm(x)


class norm_left_in_training(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.norm = nn.BatchNorm2d(8)

    def train(self, mode=True):
        super().train(mode)
        self.norm.train(True)
        return self

    def step(self, x):
        return self.norm(x)


class normalised_by_its_batch(_Net):  # noqa: N801
    def step(self, x):
        return (x - x.mean()) / (x.std() + 1e-5)


class counting(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.register_buffer("seen", torch.zeros(1))

    def step(self, x):
        self.seen += 1
        return x


class not_a_number(_Net):  # noqa: N801
    def step(self, x):
        return torch.log(-x - 1)


class double(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.head = self.head.double()

    def forward(self, image):
        return self.head(torch.relu(self.first(image)).mean((2, 3)).double())


class tuple_in_training(_Net):  # noqa: N801
    def forward(self, image):
        logits = super().forward(image)
        return (logits, logits) if self.training else logits


class without_gradient(_Net):  # noqa: N801
    def forward(self, image):
        with torch.no_grad():
            return super().forward(image)


class wider_with_each_class(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.first = nn.Conv2d(3, 4 * classes_n, 3, padding=1)
        self.head = nn.Linear(4 * classes_n, classes_n)


class raising(_Net):  # noqa: N801
    def step(self, x):
        return {}["nothing"]


def factory_that_raises(classes_n, size):
    return _Net(classes_n, size, "one too many")


class OwnError(Exception):
    """As somebody else's code has them."""


class raising_its_own(_Net):  # noqa: N801
    def step(self, x):
        raise OwnError("no table")


class raising_stop_iteration(_Net):  # noqa: N801
    def step(self, x):
        return next(iter(()))


class out_of_memory(_Net):  # noqa: N801
    def step(self, x):
        raise MemoryError


class leaving(_Net):  # noqa: N801
    def step(self, x):
        sys.exit("no table")


class leaving_in_training(_Net):  # noqa: N801
    def step(self, x):
        return sys.exit("no\ntable") if self.training else x


def factory_that_leaves(classes_n, size):
    sys.exit(3)


def factory_that_raises_its_own(classes_n, size):
    raise OwnError("no\ntable")


def factory_that_raises_ours(classes_n, size):
    raise UnsupportedArchitectureError("model.architecture: another one is wanted")


# good ones


class drawing_in_vain(_Net):  # noqa: N801
    """Draws, and uses it in training only."""

    def step(self, x):
        noise = torch.randn_like(x)
        return x + noise if self.training else x


class remembering(_Net):  # noqa: N801
    """Makes a table the first time, which stays as it is."""

    def step(self, x):
        if not hasattr(self, "table"):
            self.register_buffer("table", torch.linspace(0, 1, x.shape[-1]), persistent=False)
        return x + self.table


class proper(_Net):  # noqa: N801
    def __init__(self, classes_n, size):
        super().__init__(classes_n, size)
        self.norm = nn.BatchNorm2d(8)
        self.group = nn.GroupNorm(2, 8)

    def step(self, x):
        return functional.dropout(self.group(self.norm(x)), 0.3, training=self.training)
