"""The weights are found by value; what is left of a graph depends on none of them."""

import onnx
import pytest
import torch
from torch import nn

from model.publishing.errors import UnmappableError
from model.publishing.exporting import make_template
from model.publishing.fuse import floating_state
from model.publishing.template import Slot, Template, cut
from tests.support.networks import Derived, Literal, Tiny


def test_every_weight_is_cut_out(tiny_template, fused_state):
    state = fused_state(1)
    assert {slot.source for slot in tiny_template.slots} == set(state)
    graph = onnx.GraphProto.FromString(tiny_template.graph)
    assert not [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["probabilities"]
    assert [dim.dim_param or dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim] == ["batch", 3, 8, 8]
    assert [dim.dim_param or dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim] == ["batch", 3]
    shell = onnx.ModelProto.FromString(tiny_template.shell)
    opset = next(entry.version for entry in shell.opset_import if entry.domain == "")
    assert opset >= 17
    # ONNX Runtime 1.17 reads no later one.
    assert shell.ir_version == onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)]) <= 9


def test_no_local_path_is_left_in_the_graph(tiny_template):
    assert b".py" not in tiny_template.graph + tiny_template.shell


def test_transposed_weights_are_found(tokens_template):
    assert [(slot.source, slot.transposed) for slot in tokens_template.slots if "inner.weight" in slot.source] == [
        ("inner.weight", True)
    ]


def test_a_number_computed_from_weights_is_refused():
    with pytest.raises(UnmappableError, match="computed from weights"):
        make_template(Derived().eval(), 8, 8, 2)


def test_a_constant_of_the_code_may_stay():
    template = make_template(Literal().eval(), 8, 8, 2)
    assert {slot.source for slot in template.slots} == {"head.weight", "head.bias"}


def test_equal_tensors_are_refused():
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.fill_(1.0)
        network.bias.fill_(1.0)
    state = floating_state(network) | {"twin": network.bias.detach().clone()}
    with pytest.raises(UnmappableError, match="twin equals bias"):
        cut(onnx.ModelProto(), state, 2)


def test_bytes_round_trip_and_damage_shows(tiny_template):
    data = tiny_template.to_bytes()
    assert Template.from_bytes(data) == tiny_template
    for at in (3, len(data) // 2, len(data) - 2):
        damaged = bytearray(data)
        damaged[at] ^= 1
        with pytest.raises(ValueError, match="digest"):
            Template.from_bytes(bytes(damaged))


def test_the_head_grows_and_shrinks(tiny_template, fused_state):
    for classes in (2, 5):
        grown = tiny_template.fit(fused_state(1, classes), classes)
        head = {slot.source: slot.dims for slot in grown.slots if slot.source.startswith("head")}
        assert head["head.bias"] == (classes,) and classes in head["head.weight"]
        graph = onnx.GraphProto.FromString(grown.graph)
        assert graph.output[0].type.tensor_type.shape.dim[1].dim_value == classes


def test_other_changes_of_shape_are_refused(tiny_template, fused_state):
    state = fused_state(1)
    with pytest.raises(UnmappableError, match=r"no head\.bias"):
        tiny_template.fit({name: tensor for name, tensor in state.items() if name != "head.bias"}, 3)
    with pytest.raises(UnmappableError, match="number of classes did not"):
        tiny_template.fit(fused_state(1, 4), 3)


def test_a_reshaped_initialiser_does_not_change_its_shape():
    with pytest.raises(UnmappableError, match="does not fit"):
        Slot("x", "x", (4,), (1, 4), transposed=False).fit((5,))
    assert Slot("x", "x", (4, 2), (2, 4), transposed=True).fit((5, 2)).dims == (2, 5)


def test_the_graph_does_not_depend_on_the_weights_of_the_exported_network(tiny_template):
    torch.manual_seed(99)
    assert make_template(Tiny(3).eval(), 8, 8, 3) == tiny_template
