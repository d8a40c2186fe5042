"""The smallest model that answers like a published one: two classes, told apart by brightness."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def tiny_onnx(classes_n: int = 2) -> bytes:
    """Return `image` [n, 3, h, w] → `probabilities` [n, classes_n]: dark pictures are the first class."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (3, classes_n)).astype(np.float32)
    weights[:, 0], weights[:, 1] = -4, 4
    bias = np.zeros(classes_n, np.float32)
    bias[0], bias[1] = 6, -6
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Gemm", ["mean", "weights", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", classes_n])],
        [
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 9
    content: bytes = model.SerializeToString()
    return content
