"""A filled file holds the network's bytes, every one of them; anything else is caught before it is staged."""

import hashlib

import numpy as np
import onnx
import pytest

from model.publishing import onnx_file
from model.publishing.errors import StaleTensorError
from model.publishing.filling import check_tensors, fill
from model.publishing.fuse import floating_state
from model.publishing.metadata import identity
from tests.support.networks import Tokens, randomised

CLASSES = ("cat", "dog", "größe 🌊")


def filled(template, state, path, version=7):
    return fill(template, state, identity("default", version, CLASSES), path)


def test_the_file_is_what_onnx_reads(tiny_template, fused_state, tmp_path):
    state, path = fused_state(1), tmp_path / "model.onnx"
    told = filled(tiny_template, state, path)
    data = path.read_bytes()
    assert (told.sha256, told.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for slot in tiny_template.slots:
        wanted = state[slot.source].numpy()
        assert np.array_equal(tensors[slot.name], wanted.T if slot.transposed else wanted.reshape(slot.dims))
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said == identity("default", 7, CLASSES)
    assert onnx_file.metadata(data) == said


def test_same_weights_same_bytes(tiny_template, fused_state, tmp_path):
    one, two = (filled(tiny_template, fused_state(1), tmp_path / name) for name in ("a", "b"))
    assert one == two
    assert filled(tiny_template, fused_state(2), tmp_path / "c") != one
    assert filled(tiny_template, fused_state(1), tmp_path / "d", version=8) != one


def test_one_changed_number_is_caught(tiny_template, fused_state, tmp_path):
    state, path = fused_state(1), tmp_path / "model.onnx"
    filled(tiny_template, state, path)
    check_tensors(tiny_template, state, path)
    whole = path.read_bytes()
    weights = {slot.name for slot in tiny_template.slots}
    places = [place for place in onnx_file.initialisers(whole) if place.name in weights]
    assert len(places) == len(weights) == len(state)
    for place in places:
        for at in (place.start, place.end - 1):
            damaged = bytearray(whole)
            damaged[at] ^= 1
            path.write_bytes(damaged)
            with pytest.raises(StaleTensorError, match=place.name):
                check_tensors(tiny_template, state, path)


def test_one_stale_tensor_is_caught(tiny_template, fused_state, tmp_path):
    old, new, path = fused_state(1), fused_state(2), tmp_path / "model.onnx"
    for name in new.keys() - {"mean"}:
        filled(tiny_template, new | {name: old[name]}, path)
        with pytest.raises(StaleTensorError, match=name):
            check_tensors(tiny_template, new, path)


def test_swapped_tensors_of_one_shape_are_caught(tiny_template, fused_state, tmp_path):
    state, path = fused_state(1), tmp_path / "model.onnx"
    swapped = state | {"second.weight": state["third.weight"], "third.weight": state["second.weight"]}
    filled(tiny_template, swapped, path)
    with pytest.raises(StaleTensorError):
        check_tensors(tiny_template, state, path)


def test_transposed_weights_are_written_transposed(tokens_template, tmp_path):
    state, path = floating_state(randomised(Tokens(3), seed=1)), tmp_path / "model.onnx"
    filled(tokens_template, state, path)
    check_tensors(tokens_template, state, path)
    tensors = [onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    wanted = state["inner.weight"].numpy().T
    assert any(tensor.shape == wanted.shape and np.array_equal(tensor, wanted) for tensor in tensors)


def test_a_missing_tensor_is_caught(tiny_template, tokens_template, fused_state, tmp_path):
    path = tmp_path / "model.onnx"
    filled(tiny_template, fused_state(1), path)
    with pytest.raises(StaleTensorError, match="missing"):
        check_tensors(tokens_template, fused_state(1), path)
