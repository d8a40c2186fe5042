import pickle

import pytest
import safetensors.torch
import torch

from model.network.build import build
from model.network.errors import InitialWeightsError
from model.network.initial_weights import load_initial_weights
from model.network.spec import NetworkSpec

SPEC = NetworkSpec("mobilenet_v3_small", 32, 4)


@pytest.fixture(scope="module")
def given():
    return build(SPEC, 1).body.state_dict()


def saved(path, tensors, wrap):
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(wrap(tensors), path)
    return path


@pytest.mark.parametrize(
    ("name", "wrap"),
    [
        ("w.pth", lambda tensors: tensors),
        ("w.safetensors", None),
        ("w.pth", lambda tensors: {"state_dict": tensors, "epoch": 3}),
        ("w.pth", lambda tensors: {"model": tensors}),
        ("w.pth", lambda tensors: {f"module.{key}": value for key, value in tensors.items()}),
        ("w.pth", lambda tensors: {"state_dict": {f"module.{key}": value for key, value in tensors.items()}}),
    ],
)
def test_takes_all_tensors_from_each_kind_of_file(tmp_path, given, name, wrap):
    network = build(SPEC, 2)
    facts = load_initial_weights(network, saved(tmp_path / name, given, wrap))
    assert (facts.head_loaded, facts.stem_loaded, facts.left_random) == (True, True, ())
    assert all(torch.equal(value, given[key]) for key, value in network.body.state_dict().items())


def test_another_number_of_classes_leaves_the_head(tmp_path, given):
    network = build(SPEC.with_classes(9), 2)
    head = network.head.weight.detach().clone()
    facts = load_initial_weights(network, saved(tmp_path / "w.pth", given, dict))
    assert not facts.head_loaded
    assert facts.left_random == ("classifier.3.bias", "classifier.3.weight")
    assert torch.equal(network.head.weight, head)
    assert torch.equal(network.body.state_dict()["classifier.0.weight"], given["classifier.0.weight"])


def test_a_stem_of_another_shape_is_left_and_said(tmp_path):
    path = saved(tmp_path / "w.pth", build(NetworkSpec("resnet18", 224, 4), 1).body.state_dict(), dict)
    network = build(NetworkSpec("resnet18", 32, 4), 2)
    facts = load_initial_weights(network, path)
    assert (facts.stem_loaded, facts.left_random) == (False, ("conv1.weight",))


def test_a_backbone_without_a_head_is_enough(tmp_path, given):
    backbone = {key: value for key, value in given.items() if not key.startswith("classifier.3")}
    assert not load_initial_weights(build(SPEC, 2), saved(tmp_path / "w.pth", backbone, dict)).head_loaded


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: tensors.pop("features.1.block.0.0.weight"), r"missing: features\.1\.block"),
        (lambda tensors: tensors.update({"extra.weight": torch.ones(1)}), r"unexpected: extra\.weight"),
        (lambda tensors: tensors.update({"features.1.block.0.0.weight": torch.ones(1)}), "of another shape"),
        (lambda tensors: [tensors.pop(key) for key in list(tensors)[:20]], "and 1[0-9] more"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_changed(tmp_path, given, change, said):
    tensors = dict(given)
    change(tensors)
    network = build(SPEC, 2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(InitialWeightsError, match=said):
        load_initial_weights(network, saved(tmp_path / "w.pth", tensors, dict))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_names_the_setting_where_the_file_cannot_be_read(tmp_path, name):
    with pytest.raises(InitialWeightsError, match=r"model\.initial_weights: cannot read"):
        load_initial_weights(build(SPEC, 2), tmp_path / name)
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(InitialWeightsError, match="no plain tensors"):
        load_initial_weights(build(SPEC, 2), tmp_path / name)


def test_never_runs_what_a_pickle_says(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    (tmp_path / "w.pth").write_bytes(pickle.dumps(Evil()))
    torch.save(Evil(), tmp_path / "v.pth")
    for name in ("w.pth", "v.pth"):
        with pytest.raises(InitialWeightsError, match="no plain tensors"):
            load_initial_weights(build(SPEC, 2), tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_tensor_alone_is_not_weights(tmp_path):
    torch.save(torch.ones(3), tmp_path / "w.pth")
    with pytest.raises(InitialWeightsError, match="holds a Tensor"):
        load_initial_weights(build(SPEC, 2), tmp_path / "w.pth")
