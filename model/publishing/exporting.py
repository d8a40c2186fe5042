"""Runs torch's exporter and makes a template of what it gives. Belongs into a child process: it leaks, and is slow."""

import onnx
import onnx_ir as ir
import torch
from torch import nn

from model.publishing.errors import UnmappableError
from model.publishing.fuse import floating_state, fuse
from model.publishing.template import INPUT, OUTPUT, Template, constants, cut

OPSET = 20
IR_VERSION = 9
"""The oldest that opset 20 allows. torch writes 10, of which nothing is used and which ONNX Runtime 1.17 refuses."""
BATCH_MAX = 65_536
SEEDS = (1, 2)
ONLY_SHAPES = ("Shape", "Size")
"""What these give depends on the shape of their input, not on its numbers."""


class Probabilities(nn.Module):
    """The published graph: float32 [batch, 3, H, W] in 0..1 to float32 [batch, classes] that sum to 1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the softmax of the network's logits."""
        return torch.softmax(self.network(image), dim=1)


def make_template(network: nn.Module, height: int, width: int, classes: int) -> Template:
    """Export `network` (float32, on the CPU, in evaluation mode; changed by this) and cut its weights out.

    A floating constant that stays in the graph must not have been computed from weights, for a refill would leave it
    stale. The unoptimised graph proves that for most. Where it cannot, the network is exported a second time from
    other weights, and both graphs must be the same. Raises UnmappableError.
    """
    fuse(network)
    graph = Probabilities(network).eval()
    first, unproven = _export(graph, height, width, classes, SEEDS[0])
    if unproven and _export(graph, height, width, classes, SEEDS[1])[0] != first:
        raise UnmappableError(
            f"the exported graph holds numbers computed from weights, among {', '.join(unproven[:8])}"
        )
    return first


def _export(graph: Probabilities, height: int, width: int, classes: int, seed: int) -> tuple[Template, list[str]]:
    """Return a template, and the constants left in it that were not proven independent of the weights."""
    state = floating_state(graph.network)
    make_distinct(state, seed)
    program = torch.onnx.export(
        graph, (torch.rand(2, 3, height, width),), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET,
        dynamo=True, optimize=False, dynamic_shapes={INPUT: {0: torch.export.Dim("batch", min=1, max=BATCH_MAX)}},
        verbose=False,
    )  # fmt: skip
    if program is None:
        raise UnmappableError("the exporter gave no program")
    free = free_of_weights(program.model.graph)
    program.optimize()
    model = program.model_proto
    strip(model)
    template = cut(model, state, classes)
    return template, [name for name in constants(template) if name not in free]


def free_of_weights(graph: ir.Graph) -> set[str]:
    """Return the names of values in an unoptimised graph that are computed from constants of the code and shapes alone.

    The optimiser keeps the name of what it computes beforehand, so a constant of such a name depends on no weight.
    """
    free: set[str] = set()
    for node in graph:
        read = [] if node.op_type in ONLY_SHAPES else node.inputs[:1] if node.op_type == "CastLike" else node.inputs
        if all(value is None or value.name in free for value in read):
            free.update(str(value.name) for value in node.outputs)
    return free


def make_distinct(state: dict[str, torch.Tensor], seed: int) -> None:
    """Overwrite every tensor with random numbers: positive, so that they may be variances, and equal to no other's."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in state.values():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)


def strip(model: onnx.ModelProto) -> None:
    """Take out what is not needed to run: traces with local paths, and shapes that a class count would change.

    What is left is declared as of the oldest format that has all of it, so that older runtimes load it.
    """
    model.ir_version = min(model.ir_version, IR_VERSION)
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.doc_string = ""
    graph.name = "tidemill"
    del graph.value_info[:]
    del graph.metadata_props[:]
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output]:
        del part.metadata_props[:]
        part.doc_string = ""
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
