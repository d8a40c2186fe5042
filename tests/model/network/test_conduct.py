"""A network whose answers would fail in every window is refused at the start, in one line."""

import random

import numpy as np
import pytest
import torch

from model.network.build import build, check_architecture
from model.network.conduct import why_not
from model.network.errors import UnsupportedArchitectureError
from model.network.spec import NetworkSpec

BAD = {
    "dropout": "answers at random",
    "dropout_before_a_zero_head": "answers at random",
    "dropped_path": "answers at random",
    "noise_behind_a_tiny_scale": "answers at random",
    "drawn_by_numpy": "answers at random",
    "drawn_by_python": "answers at random",
    "own_generator": "answers at random",
    "no_running_statistics": "hangs on the others in the batch",
    "normalised_by_its_batch": "hangs on the others in the batch",
    "norm_left_in_training": "changes its own norm.running_mean",
    "counting": "changes its own seen",
    "not_a_number": "not finite",
    "double": "torch.float64",
    "tuple_in_training": "in training mode it gives tuple",
    "without_gradient": "carry no gradient",
    "wider_with_each_class": "first.bias is another one",
    "raising": "KeyError: 'nothing'",
    "factory_that_raises": "the factory raises TypeError",
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_in_one_line(name):
    with pytest.raises(UnsupportedArchitectureError, match=r"^model\.architecture") as refusal:
        check_architecture(NetworkSpec(f"tests.support.wavering:{name}", 16, 3))
    assert BAD[name] in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["drawing_in_vain", "remembering", "proper"])
def test_a_good_one_is_taken(name):
    check_architecture(NetworkSpec(f"tests.support.wavering:{name}", 16, 3))


@pytest.mark.parametrize("architecture", ["resnet18", "mobilenet_v3_small", "convnext_tiny", "shufflenet_v2_x0_5"])
def test_torchvisions_would_pass_as_well(architecture):
    assert why_not(build(NetworkSpec(architecture, 32, 3), 0)) == ""


def test_generators_of_random_numbers_are_left_as_they_were():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    for name in ("drawing_in_vain", "proper"):
        check_architecture(NetworkSpec(f"tests.support.wavering:{name}", 16, 3))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), np.random.get_state()[1].tolist())
