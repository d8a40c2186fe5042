from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from daemon.demo.digits import Digit
from daemon.demo.examiner import Examiner
from model.publishing.manifest import InputSpec
from tests.support.manifests import manifest_of

DARK, BRIGHT = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)


@pytest.fixture
def model(tmp_path):
    """A model of the classes dark and bright: the mean pixel decides, at a half."""
    weights = numpy_helper.from_array(np.array([[-1.0, 1.0]], np.float32), "weights")
    shift = numpy_helper.from_array(np.array([0.5, -0.5], np.float32), "shift")
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Gemm", ["column", "weights", "shift"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 16, 16])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(nodes, "g", [image], [out], [weights, shift, one])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_pictures_are_read_resized_and_scored_by_class(model):
    manifest = replace(manifest_of(1, b"x", ("dark", "bright")), input=InputSpec(16, 16))
    test = [Digit(0, "dark", DARK), Digit(1, "bright", BRIGHT), Digit(2, "bright", DARK), Digit(3, "unknown", DARK)]
    scores = Examiner(test).examine(model, manifest)
    assert scores.by_class == {"dark": (1, 1), "bright": (1, 2), "unknown": (0, 1)}
