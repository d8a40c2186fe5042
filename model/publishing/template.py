"""A template: an exported graph with the weights cut out, and what belongs into each hole.

What is left of a graph without its weights is a few kB, whatever the network. A publication writes it, then each
tensor in its place; the exporter does not run. That is safe only because every hole was found *by value*: the graph is
exported from weights that are all different, and an initialiser is a hole if its numbers are exactly those of one
tensor of the fused network, straight or transposed. What is no hole must not depend on the weights: see `export_child`.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
import torch

from model.publishing.errors import UnmappableError

SCHEMA = 2
"""Another one makes every template anew. In 1 the graph was of IR version 10."""
INPUT, OUTPUT = "image", "probabilities"


@dataclass(frozen=True, slots=True)
class Slot:
    """A hole: the initialiser `name` holds the tensor `source` of the fused state, transposed or not.

    `shape` is the tensor's; `dims` are the initialiser's, which may differ when it was only reshaped.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    dims: tuple[int, ...]
    transposed: bool

    def fit(self, shape: Sequence[int]) -> "Slot":
        """Return the slot for a tensor of another shape, as a head has that grew by a class."""
        shape = tuple(shape)
        if shape == self.shape:
            return self
        plain = self.shape[::-1] if self.transposed else self.shape
        if self.dims != plain or len(shape) != len(self.shape):
            raise UnmappableError(f"{self.source} {list(shape)} does not fit the exported {list(self.dims)}")
        return replace(self, shape=shape, dims=shape[::-1] if self.transposed else shape)


@dataclass(frozen=True, slots=True)
class Template:
    """A graph for `classes` classes. `shell`: the ModelProto without its graph; `graph`: without the holes."""

    classes: int
    shell: bytes
    graph: bytes
    slots: tuple[Slot, ...]

    def to_bytes(self) -> bytes:
        """Return the template for the disk: the payload's sha256, a newline, the payload."""
        payload = json.dumps(
            {
                "schema": SCHEMA,
                "classes": self.classes,
                "shell": base64.b64encode(self.shell).decode(),
                "graph": base64.b64encode(self.graph).decode(),
                "slots": [[s.name, s.source, s.shape, s.dims, s.transposed] for s in self.slots],
            }
        ).encode()
        return hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload

    @classmethod
    def from_bytes(cls, data: bytes) -> "Template":
        """Read what `to_bytes` wrote. Raises ValueError when it is damaged or of another schema."""
        digest, _, payload = data.partition(b"\n")
        if hashlib.sha256(payload).hexdigest().encode() != digest:
            raise ValueError("the template's digest does not match")
        value = json.loads(payload)
        if value["schema"] != SCHEMA:
            raise ValueError(f"the template has schema {value['schema']}, not {SCHEMA}")
        slots = tuple(Slot(n, s, tuple(shape), tuple(dims), t) for n, s, shape, dims, t in value["slots"])
        try:
            shell, graph = (base64.b64decode(value[key], validate=True) for key in ("shell", "graph"))
        except binascii.Error as error:
            raise ValueError("the template is not base64") from error
        return cls(value["classes"], shell, graph, slots)

    def fit(self, state: Mapping[str, torch.Tensor], classes: int) -> "Template":
        """Return the template for this fused state: the head's holes and the output's shape follow the class count.

        Raises UnmappableError when a tensor is missing or changed in a way that no class count explains.
        """
        missing = [slot.source for slot in self.slots if slot.source not in state]
        if missing:
            raise UnmappableError(f"the network has no {missing[0]}, which the exported graph needs")
        slots = tuple(slot.fit(state[slot.source].shape) for slot in self.slots)
        if classes == self.classes:
            changed = [slot.source for slot, old in zip(slots, self.slots, strict=True) if slot != old]
            if changed:
                raise UnmappableError(f"{changed[0]} changed its shape, the number of classes did not")
            return self
        return replace(self, classes=classes, graph=_with_output(self.graph, classes), slots=slots)


def _with_output(graph: bytes, classes: int) -> bytes:
    parsed = onnx.GraphProto.FromString(graph)
    parsed.output[0].type.tensor_type.shape.dim[1].dim_value = classes
    return bytes(parsed.SerializeToString(deterministic=True))


def cut(model: onnx.ModelProto, state: Mapping[str, torch.Tensor], classes: int) -> Template:
    """Cut the weights out of an exported model whose network had the fused state `state`, all tensors distinct.

    `model` is consumed: at 2 GiB, a copy of it counts.
    Raises UnmappableError when two tensors of the state are equal, so that a value does not tell which it is.
    """
    by_value = _by_value(state)
    slots: list[Slot] = []
    kept: list[bytes] = []
    for tensor in model.graph.initializer:
        found = by_value.get(_digest(tensor.raw_data)) if tensor.data_type == onnx.TensorProto.FLOAT else None
        if found is None:
            kept.append(tensor.SerializeToString(deterministic=True))
        else:
            source, transposed = found
            slots.append(Slot(tensor.name, source, tuple(state[source].shape), tuple(tensor.dims), transposed))
    del model.graph.initializer[:]
    model.graph.initializer.extend(onnx.TensorProto.FromString(tensor) for tensor in kept)
    graph = bytes(model.graph.SerializeToString(deterministic=True))
    model.ClearField("graph")
    return Template(classes, bytes(model.SerializeToString(deterministic=True)), graph, tuple(slots))


def constants(template: Template) -> list[str]:
    """Return the names of floating constants that stayed in the graph: they must be shown not to depend on weights."""
    graph = onnx.GraphProto.FromString(template.graph)
    floating = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    names = [tensor.name for tensor in graph.initializer if tensor.data_type in floating]
    return names + [node.output[0] for node in graph.node if node.op_type == "Constant"]


def _by_value(state: Mapping[str, torch.Tensor]) -> dict[bytes, tuple[str, bool]]:
    found: dict[bytes, tuple[str, bool]] = {}
    for name, tensor in state.items():
        straight = _digest(raw(tensor, transposed=False))
        if straight in found:
            raise UnmappableError(f"{name} equals {found[straight][0]}: the exported graph cannot tell them apart")
        found[straight] = (name, False)
    for name, tensor in state.items():
        if tensor.dim() == 2:
            found.setdefault(_digest(raw(tensor, transposed=True)), (name, True))
    return found


def raw(tensor: torch.Tensor, *, transposed: bool) -> memoryview:
    """Return a tensor's numbers as ONNX keeps them: float32, little-endian, C order."""
    plain = (tensor.t() if transposed else tensor).detach().contiguous().numpy()
    return plain.astype("<f4", copy=False).reshape(-1).view(np.uint8).data


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()
