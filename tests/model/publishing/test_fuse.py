"""BatchNorm is folded where it can be, left where it cannot, and the network itself stays as it was."""

import pytest
import torch
from torch import nn

from model.publishing.fuse import floating_state, frozen_copy, fusable_pairs, fuse
from tests.support.networks import Tiny, randomised


def test_fused_network_gives_the_same_answers():
    network = randomised(Tiny(), seed=1)
    image = torch.rand(4, 3, 8, 8)
    fused = fuse(frozen_copy(network))
    with torch.no_grad():
        assert torch.allclose(network(image), fused(image), atol=1e-5)
    left = [name for name, module in fused.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert left == ["before"]


def test_the_network_itself_is_not_changed():
    network = randomised(Tiny(), seed=1).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fuse(frozen_copy(network))
    assert network.training and network.first_norm.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, image):
        return self.norm(self.conv(self.conv(image))).mean((2, 3))


class Branching(Shared):
    def forward(self, image):
        x = self.conv(image)
        return (self.norm(x) + x).mean((2, 3))


class Untraceable(Shared):
    def forward(self, image):
        return self.norm(self.conv(image)) if image.sum() > 0 else image


@pytest.mark.parametrize("kind", [Shared, Branching, Untraceable])
def test_what_cannot_be_fused_is_left(kind):
    network = randomised(kind(), seed=2)
    assert fusable_pairs(network) == ()
    image = torch.rand(2, 3, 4, 4)
    with torch.no_grad():
        assert torch.equal(fuse(frozen_copy(network))(image), network(image))


def test_state_is_floating_and_names_tied_weights_once():
    network = Tiny()
    network.second.weight = network.third.weight
    names = floating_state(network)
    assert "second.weight" in names and "third.weight" not in names
    assert "first_norm.running_var" in names and "first_norm.num_batches_tracked" not in names
