import pytest
import torch

from model.network.build import build, check_architecture
from model.network.errors import UnsupportedArchitectureError
from model.network.normalisation import Normalisation
from model.network.spec import NetworkSpec
from tests.support.learning import MLP, SMALL_CONV


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one = build(NetworkSpec(SMALL_CONV, 8, 3), 5).state_dict()
    assert torch.equal(torch.rand(1), expected)
    same, other = build(NetworkSpec(SMALL_CONV, 8, 3), 5).state_dict(), build(NetworkSpec(SMALL_CONV, 8, 3), 6)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["body.0.weight"], other.state_dict()["body.0.weight"])


def test_normalises_inside():
    network = build(NetworkSpec(MLP, 4, 2), 0, Normalisation((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))).eval()
    image = torch.rand(3, 3, 4, 4)
    by_hand = (image - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([0.5, 0.6, 0.7]).view(3, 1, 1)
    assert torch.allclose(network(image), network.body(by_hand), atol=1e-6)
    network.set_normalisation(Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))
    assert torch.equal(network(image), network.body(image))


def test_graph_does_not_depend_on_the_data():
    network = build(NetworkSpec(SMALL_CONV, 8, 3), 0).eval()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(network, (torch.rand(2, 3, 8, 8),), dynamic_shapes=({0: batch},))
    image = torch.rand(5, 3, 8, 8)
    assert torch.allclose(exported.module()(image), network(image), atol=1e-5)


def test_head_is_the_last_linear_with_a_row_for_each_class():
    network = build(NetworkSpec("resnet18", 8, 5), 0)
    assert network.head_parameters == ("body.fc.weight", "body.fc.bias")
    assert network.head.weight.shape == (5, 512)


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ("resnet19", "resnet18, resnet34"),
        ("squeezenet1_0", "is not supported; take one of"),
        ("googlenet", "is not supported; take one of"),
        ("no.such.module:net", "is its package installed"),
        ("tests.support.factories:missing", "has no missing"),
        ("tests.support.factories:nothing", "tuple instead of a torch.nn.Module"),
        ("tests.support.factories:no_head", "no nn.Linear"),
        ("tests.support.factories:other_head", "does not give 3 logits"),
        ("tests.support.factories:probabilities", "not what its last nn.Linear gives"),
        ("tests.support.factories:pair", "instead of logits"),
        ("tests.support.factories:wrong_size", "does not pass through"),
    ],
)
def test_refuses_at_the_start_what_cannot_be_trained(architecture, said):
    with pytest.raises(UnsupportedArchitectureError, match=r"model\.architecture") as refusal:
        check_architecture(NetworkSpec(architecture, 8, 3))
    assert said in str(refusal.value)


def test_refuses_patches_that_do_not_tile_the_image():
    with pytest.raises(UnsupportedArchitectureError, match="multiple of 16"):
        check_architecture(NetworkSpec("vit_b_16", 40, 3, "torchvision"))


@pytest.mark.parametrize("architecture", [MLP, SMALL_CONV])
def test_takes_a_factory_of_ones_own(architecture):
    check_architecture(NetworkSpec(architecture, 8, 3))
