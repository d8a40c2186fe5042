"""Reads an ONNX file in place: where each initialiser's bytes lie, and its metadata. Loads neither onnx nor torch.

Field numbers are those of onnx.proto: ModelProto.graph 7, .metadata_props 14; GraphProto.initializer 5;
TensorProto.dims 1, .data_type 2, .name 8, .raw_data 9; StringStringEntryProto.key 1, .value 2.
"""

import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.publishing import wire

MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_INITIALIZER = 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 1, 2, 8, 9
ENTRY_KEY, ENTRY_VALUE = 1, 2
FLOAT32 = 1


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where the raw bytes of an initialiser lie in the file: [start, end)."""

    name: str
    data_type: int
    dims: tuple[int, ...]
    start: int
    end: int


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Map a file that is not empty into memory, read-only."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        view = memoryview(pages)
        try:
            yield view
        finally:
            view.release()


def metadata(data: bytes | memoryview) -> Mapping[str, str]:
    """Return metadata_props of a serialised ModelProto. Raises BrokenRepositoryError for anything else."""
    found: dict[str, str] = {}
    for entry in wire.fields(data, 0, len(data)):
        if entry.number != MODEL_METADATA or entry.kind != wire.BYTES:
            continue
        pair = {ENTRY_KEY: "", ENTRY_VALUE: ""}
        for part in wire.fields(data, entry.start, entry.end):
            if part.number in pair:
                pair[part.number] = bytes(data[part.start : part.end]).decode("utf-8", "replace")
        found[pair[ENTRY_KEY]] = pair[ENTRY_VALUE]
    return found


def initialisers(data: bytes | memoryview) -> Iterator[TensorPlace]:
    """Yield every initialiser of a serialised ModelProto that keeps its numbers as raw bytes."""
    for graph in wire.fields(data, 0, len(data)):
        if graph.number != MODEL_GRAPH or graph.kind != wire.BYTES:
            continue
        for tensor in wire.fields(data, graph.start, graph.end):
            if tensor.number == GRAPH_INITIALIZER:
                yield _place(data, tensor)


def _place(data: bytes | memoryview, tensor: wire.Field) -> TensorPlace:
    name, data_type, start, end = "", 0, tensor.end, tensor.end
    dims: list[int] = []
    for part in wire.fields(data, tensor.start, tensor.end):
        if part.number == TENSOR_NAME:
            name = bytes(data[part.start : part.end]).decode()
        elif part.number == TENSOR_TYPE:
            data_type = part.value
        elif part.number == TENSOR_RAW:
            start, end = part.start, part.end
        elif part.number == TENSOR_DIMS:
            dims.extend(_dims(data, part))
    return TensorPlace(name, data_type, tuple(dims), start, end)


def _dims(data: bytes | memoryview, part: wire.Field) -> list[int]:
    # proto2 writes repeated numbers one by one, but readers must take the packed form too
    if part.kind == wire.VARINT:
        return [part.value]
    found, at = [], part.start
    while at < part.end:
        value, at = wire.read_varint(data, at, part.end)
        found.append(value)
    return found
