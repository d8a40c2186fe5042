"""Weights are found in whatever training programs save, and what cannot be read is refused in one line."""

import argparse
import json
import pathlib

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from model.network.build import build
from model.network.errors import InitialWeightsError
from model.network.initial_weights import load_initial_weights
from model.network.spec import NetworkSpec

SPEC = NetworkSpec("tests.support.wavering:proper", 16, 3)


def body(seed):
    return build(SPEC, seed).body


def prefixed(prefix, tensors):
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def taken(path):
    """Return which seed's weights were taken, and from where."""
    network = build(SPEC, 0)
    facts = load_initial_weights(network, path)
    got = network.body.first.weight
    (seed,) = [one for one in (1, 2) if torch.equal(got, body(one).first.weight)]
    assert facts.left_random == ()
    return seed, facts.place


WRAPPINGS = {
    "plain": lambda one, _two: one,
    "state_dict": lambda one, _two: {"state_dict": one, "epoch": 3},
    "model_state_dict": lambda one, _two: {"model_state_dict": one, "optimizer_state_dict": {"state": {}}},
    "model": lambda one, _two: {"model": one, "args": argparse.Namespace(lr=0.1, out=pathlib.PosixPath("/x"))},
    "beside a tensor": lambda one, _two: {"model": one, "epoch": torch.tensor(3)},
    "best so far, of numpy": lambda one, _two: {"model": one, "best": np.float64(0.5), "n": np.int64(3)},
    "within": lambda one, _two: {"checkpoint": 1, "state_dict": {"model": one}},
    "data parallel": lambda one, _two: prefixed("module.", one),
    "compiled": lambda one, _two: prefixed("_orig_mod.", one),
    "compiled in parallel": lambda one, _two: prefixed("module._orig_mod.", one),
    "parallel, compiled": lambda one, _two: prefixed("_orig_mod.module.", one),
    "averaged": lambda one, _two: {"n_averaged": torch.tensor(9), **prefixed("module.", one)},
    "averaged in parallel": lambda one, _two: {"module.n_averaged": torch.tensor(9), **prefixed("module.module.", one)},
    "a Lightning module": lambda one, _two: {
        "state_dict": {**prefixed("model.", one), "criterion.weight": torch.ones(3)},
        "pytorch-lightning_version": "2.5",
    },
    "another Lightning module": lambda one, _two: {"state_dict": prefixed("net.", one), "hyper_parameters": {"lr": 1}},
    "Lightning, compiled": lambda one, _two: {"state_dict": prefixed("model._orig_mod.", one)},
    "ema": lambda one, two: {"model": two, "ema": one},
    "model_ema": lambda one, two: {
        "model": two,
        "model_ema": {"n_averaged": torch.tensor(1), **prefixed("module.", one)},
    },
    "state_dict_ema": lambda one, two: {"state_dict": two, "state_dict_ema": one},
    "an average of one tensor": lambda one, _two: {"model": one, "ema": {"decay": torch.tensor(0.9)}},
    "an average of another network": lambda one, _two: {"model": one, "ema": {"first.weight": torch.ones(9, 9)}},
    "an average that is wrapped": lambda one, two: {"model": two, "ema": {"decay": torch.ones(1), "module": one}},
    "ema_pytorch": lambda one, two: {
        "initted": torch.tensor(True),
        "step": torch.tensor(9),
        **prefixed("online_model.", two),
        **prefixed("ema_model.", one),
    },
    "a Lightning module with an average": lambda one, two: {
        "state_dict": {**prefixed("model.", two), **prefixed("ema_model.module.", one)}
    },
    "a Lightning module with half an average": lambda one, two: {
        "state_dict": {**prefixed("model.", one), "ema_model.first.weight": two["first.weight"]}
    },
    "an average without names": lambda one, _two: {"model": one, "ema": {"shadow_params": [torch.ones(1)]}},
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_the_weights_are_found(tmp_path, name):
    one, two = body(1).state_dict(), body(2).state_dict()
    torch.save(WRAPPINGS[name](one, two), tmp_path / "w.ckpt")
    seed, place = taken(tmp_path / "w.ckpt")
    assert seed == 1
    if name in ("ema", "model_ema", "state_dict_ema"):
        assert place == name, "which of the two was taken is said"


def test_what_torch_itself_wraps(tmp_path):
    torch.save(AveragedModel(body(1)).state_dict(), tmp_path / "w.pth")
    assert taken(tmp_path / "w.pth") == (1, "")
    torch.save(nn.DataParallel(body(1)).state_dict(), tmp_path / "w.pth")
    assert taken(tmp_path / "w.pth") == (1, "")
    torch.save(torch.compile(body(1)).state_dict(), tmp_path / "w.pth")
    assert taken(tmp_path / "w.pth") == (1, "")
    safetensors.torch.save_file(prefixed("module.", body(1).state_dict()), tmp_path / "w.safetensors")
    assert taken(tmp_path / "w.safetensors") == (1, "")


def refusal(path):
    with pytest.raises(InitialWeightsError, match=r"^model\.initial_weights: ") as refused:
        load_initial_weights(build(SPEC, 0), path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_shards_of_a_distributed_model_are_refused_with_what_to_save(tmp_path, monkeypatch):
    import torch.distributed as dist
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        mesh = init_device_mesh("cpu", (1,))
        torch.save({"first.weight": distribute_tensor(torch.ones(8, 3), mesh, [Shard(0)])}, tmp_path / "w.pth")
        assert "full_state_dict=True" in refusal(tmp_path / "w.pth")
    finally:
        dist.destroy_process_group()
    assert "full_state_dict=True" in refusal(tmp_path / "w.pth")


def test_folders_and_pieces_are_refused_with_what_to_name(tmp_path):
    folder = tmp_path / "dcp"
    folder.mkdir()
    (folder / ".metadata").touch()
    assert "dcp_to_torch" in refusal(folder)
    (folder / ".metadata").unlink()
    (folder / "model.safetensors").touch()
    assert "name a file in it (model.safetensors)" in refusal(folder)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {}}))
    assert "is an index" in refusal(index)
    piece = tmp_path / "model-00001-of-00003.safetensors"
    safetensors.torch.save_file({"a": torch.ones(1)}, piece)
    assert "one of 3 files" in refusal(piece)


def test_other_things_are_named(tmp_path):
    file = tmp_path / "w.pth"
    torch.save(nn.Linear(2, 2), file)
    assert "torch.nn.modules.linear.Linear" in refusal(file)
    assert "would run its code" in refusal(file)
    torch.save({"epoch": 3, "hparams": {"lr": 0.1}}, file)
    assert "it has epoch, hparams" in refusal(file)
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "git lfs pull" in refusal(file)
    torch.save(body(1).state_dict(), file)
    file.write_bytes(file.read_bytes()[:2000])
    assert "cut short" in refusal(file)
    file.write_bytes(b"")
    assert "cut short" in refusal(file)
    torch.save({**body(1).state_dict(), "first.bias": torch.full((8,), float("nan"))}, file)
    assert "not finite, in first.bias" in refusal(file)
    torch.save({**body(1).state_dict(), "first.bias": torch.full((8,), 1e300, dtype=torch.float64)}, file)
    assert "not finite, in first.bias (as float32)" in refusal(file)
    torch.save({"first.weight": torch.ones(2, 2).to_sparse()}, file)
    assert "no plain one" in refusal(file)
    torch.save({"first.weight": torch.ones(2, device="meta")}, file)
    assert "without numbers" in refusal(file) or "no plain" in refusal(file)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool, torch.complex64])
def test_numbers_that_are_no_weights_are_refused(tmp_path, dtype):
    odd = torch.ones(8, dtype=dtype)
    torch.save({"model": prefixed("module.", {**body(1).state_dict(), "first.bias": odd})}, tmp_path / "w.pth")
    kind = str(dtype).removeprefix("torch.")
    assert f"holds {kind} numbers as first.bias" in refusal(tmp_path / "w.pth")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floating_point_numbers_of_any_width_are_taken(tmp_path, dtype):
    torch.save({name: one.to(dtype) for name, one in body(1).state_dict().items()}, tmp_path / "w.pth")
    network = build(SPEC, 0)
    load_initial_weights(network, tmp_path / "w.pth")
    assert torch.allclose(network.body.first.weight, body(1).first.weight, atol=0.01)


def test_integer_buffers_are_taken_as_they_are(tmp_path):
    spec = NetworkSpec("resnet18", 32, 3)
    torch.save({"model": build(spec, 1).body.state_dict()}, tmp_path / "w.pth")
    network = build(spec, 0)
    assert load_initial_weights(network, tmp_path / "w.pth").left_random == ()
