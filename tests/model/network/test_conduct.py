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
    "raising_its_own": "OwnError: no table",
    "raising_stop_iteration": "StopIteration",
    "out_of_memory": "MemoryError",
    "leaving": "SystemExit: no table",
    "leaving_in_training": "in training mode pictures do not pass through it (SystemExit: no table)",
    "factory_that_leaves": "the factory raises SystemExit: 3",
    "factory_that_raises_its_own": "the factory raises OwnError: no table",
    "factory_that_raises_ours": "another one is wanted",
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_in_one_line(name):
    with pytest.raises(UnsupportedArchitectureError, match=r"^model\.architecture") as refusal:
        check_architecture(NetworkSpec(f"tests.support.wavering:{name}", 16, 3))
    assert BAD[name] in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_our_own_refusal_is_passed_on_as_it_is():
    with pytest.raises(UnsupportedArchitectureError, match=r"^model\.architecture: another one is wanted$"):
        build(NetworkSpec("tests.support.wavering:factory_that_raises_ours", 16, 3), 0)


def test_a_module_that_raises_or_leaves_while_it_is_imported_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, line in (("odd_one", "raise ValueError('no')"), ("odd_two", "raise SystemExit(3)"), ("odd_three", "1 +")):
        (tmp_path / f"{name}.py").write_text(f"{line}\n")
        with pytest.raises(UnsupportedArchitectureError, match=f"importing {name} raises"):
            build(NetworkSpec(f"{name}:net", 16, 3), 0)


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
