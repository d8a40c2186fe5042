"""Writes a template with weights in its holes, hashing on the way, and checks the file against the weights."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from model.disk import writing
from model.durable import sync_folder
from model.publishing import onnx_file, wire
from model.publishing.errors import StaleTensorError, UnmappableError
from model.publishing.template import Slot, Template, raw

_BYTES_OF_A_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Filled:
    """A file on disk, fsynced: its digest as hex digits, its length."""

    sha256: str
    bytes: int


def fill(template: Template, state: Mapping[str, torch.Tensor], metadata: Mapping[str, str], out_path: Path) -> Filled:
    """Write the template with the tensors of the fused state `state` to `out_path`; file and folder are fsynced.

    `template` must fit `state` (`Template.fit`). Raises UnmappableError when the file would exceed what protobuf can
    hold, and OSError.
    """
    headers = [_header(slot) for slot in template.slots]
    numbers = sum(_length(slot) for slot in template.slots)
    graph_length = len(template.graph) + sum(len(header) for header in headers) + numbers
    start = template.shell + wire.encode_header(onnx_file.MODEL_GRAPH, graph_length) + template.graph
    end = b"".join(_entry(key, value) for key, value in metadata.items())
    length = len(start) - len(template.graph) + graph_length + len(end)
    if length > wire.BYTES_MAX:
        raise UnmappableError(f"the file would have {length} bytes; ONNX in one file holds less than 2 GiB")
    with writing(out_path, length), out_path.open("wb", buffering=0) as file:
        digest = hashlib.sha256()
        _put(file, digest, start)
        for slot, header in zip(template.slots, headers, strict=True):
            _put(file, digest, header)
            _put(file, digest, raw(state[slot.source], transposed=slot.transposed))
        _put(file, digest, end)
        os.fsync(file.fileno())
    sync_folder(out_path.parent)
    return Filled(digest.hexdigest(), length)


def _put(file: BinaryIO, digest: "hashlib._Hash", data: bytes | memoryview) -> None:
    digest.update(data)
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _length(slot: Slot) -> int:
    return _BYTES_OF_A_NUMBER * int(np.prod(slot.shape, dtype=np.int64))


def _header(slot: Slot) -> bytes:
    """Return what stands before the numbers of an initialiser: its place in the graph, dims, type and name."""
    about = b"".join(wire.encode_number(onnx_file.TENSOR_DIMS, size) for size in slot.dims)
    about += wire.encode_number(onnx_file.TENSOR_TYPE, onnx_file.FLOAT32)
    about += wire.encode_bytes(onnx_file.TENSOR_NAME, slot.name.encode())
    about += wire.encode_header(onnx_file.TENSOR_RAW, _length(slot))
    return wire.encode_header(onnx_file.GRAPH_INITIALIZER, len(about) + _length(slot)) + about


def _entry(key: str, value: str) -> bytes:
    pair = wire.encode_bytes(onnx_file.ENTRY_KEY, key.encode()) + wire.encode_bytes(
        onnx_file.ENTRY_VALUE, value.encode()
    )
    return wire.encode_bytes(onnx_file.MODEL_METADATA, pair)


def check_tensors(template: Template, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Read the file back and compare each mapped tensor's bytes with the state's. Raises StaleTensorError.

    It finds the tensors by reading the file as protobuf, so it does not trust where `fill` meant to write.
    """
    with onnx_file.mapped(path) as data:
        places = {place.name: place for place in onnx_file.initialisers(data)}
        for slot in template.slots:
            place = places.get(slot.name)
            if place is None or place.dims != slot.dims or place.data_type != onnx_file.FLOAT32:
                raise StaleTensorError(f"{path.name}: {slot.name} is missing, or not float32 {list(slot.dims)}")
            if not _same(data[place.start : place.end], raw(state[slot.source], transposed=slot.transposed)):
                raise StaleTensorError(f"{path.name}: {slot.name} does not hold the network's {slot.source}")


def _same(written: memoryview, wanted: memoryview) -> bool:
    """Compare bytes at the speed of memory. The views end here: a mapping that is still seen cannot be closed."""
    with written:
        return np.array_equal(np.frombuffer(written, np.uint8), np.frombuffer(wanted, np.uint8))
