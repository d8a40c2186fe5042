import pytest
import torch

from model.network.build import build, check_architecture
from model.network.families import FAMILIES, SUPPORTED
from model.network.spec import NetworkSpec
from model.network.stems import patch_of
from model.network.trainable import learning_modules


def built_without_memory(architecture):
    # regnet reads its own weights when built; the others need no memory for them here.
    with torch.device("cpu" if architecture.startswith("regnet") else "meta"):
        return build(NetworkSpec(architecture, 32, 7), seed=0).to("meta")


@pytest.mark.parametrize("architecture", SUPPORTED)
def test_every_supported_architecture_builds_and_gives_logits(architecture):
    network = built_without_memory(architecture)
    assert network(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 7)
    assert network.head.out_features == 7


@pytest.mark.parametrize("architecture", [family.names[0] for family in FAMILIES])
def test_every_family_learns_with_all_its_weights(architecture):
    network = built_without_memory(architecture)
    network(torch.empty(2, 3, 32, 32, device="meta")).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("architecture", SUPPORTED)
def test_every_supported_architecture_has_a_last_block_that_learns_without_the_rest(architecture):
    network = built_without_memory(architecture)
    learning = learning_modules(network, "last-block")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.rpartition(".")[0] in learning)
    network(torch.empty(2, 3, 32, 32, device="meta")).sum().backward()
    reached = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert reached == {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    body = reached - set(network.head_parameters)
    assert body
    every = sum(parameter.numel() for parameter in network.parameters())
    assert 0.01 < sum(network.get_parameter(name).numel() for name in body) / every < 0.9
    assert min(map(list(dict(network.named_modules())).index, learning)) > 1


@pytest.mark.parametrize("architecture", ["mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x0_5"])
def test_supported_ones_pass_the_check_of_the_start(architecture):
    check_architecture(NetworkSpec(architecture, 32, 3))


@pytest.mark.parametrize(
    ("architecture", "size", "layer", "side"),
    [
        ("resnet18", 32, "layer4", 2),
        ("resnet18", 64, "layer4", 2),
        ("mobilenet_v3_small", 64, "features", 4),
        ("efficientnet_b0", 64, "features", 4),
        ("shufflenet_v2_x0_5", 32, "conv5", 4),
        ("regnet_y_400mf", 64, "trunk_output", 4),
        ("mnasnet0_5", 64, "layers", 4),
    ],
)
def test_small_images_keep_a_map_for_the_last_block(architecture, size, layer, side):
    network = build(NetworkSpec(architecture, size, 2), 0).eval()
    shapes = []
    network.body.get_submodule(layer).register_forward_hook(lambda _m, _i, output: shapes.append(output.shape))
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    assert shapes[0][2:] == (side, side)


def test_the_usual_stem_on_request():
    assert build(NetworkSpec("resnet18", 32, 2, "torchvision"), 0).body.conv1.kernel_size == (7, 7)
    assert build(NetworkSpec("resnet18", 96, 2), 0).body.conv1.kernel_size == (7, 7)


@pytest.mark.parametrize(("size", "patch"), [(64, 8), (32, 4), (28, 4), (16, 2), (8, 1), (31, 1)])
def test_transformers_get_about_eight_patches_along_a_side(size, patch):
    assert patch_of(size) == patch
