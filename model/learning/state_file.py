"""A learner's state as one safetensors file: the same state gives the same bytes.

Tensors: `network/<name>`, `average/<parameter>`, `moments/<parameter>/<key>`, `statistics/<buffer>`, `rows_born`.
Metadata: one key, `tidemill`, with JSON (a second key would come in random order).
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from model.disk import DiskError, writing
from model.learning.average import WeightAverage
from model.learning.errors import StateFileError
from model.learning.optimiser import Moments
from model.network.build import build
from model.network.errors import NetworkError
from model.network.network import Network
from model.network.spec import NetworkSpec

SCHEMA = 1
METADATA_KEY = "tidemill"
READ_BYTES = 1 << 22
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


@dataclass(frozen=True, slots=True)
class Contents:
    """What the file holds. See LearnerState."""

    network: Network
    classes: tuple[str, ...]
    average: WeightAverage
    pretrained: bool
    steps: int
    moments: Moments
    statistics: dict[str, Tensor]


def write(path: Path, contents: Contents) -> str:
    """Write the file and return the hex SHA-256 of its bytes. Raises OSError."""
    metadata = {
        "schema": SCHEMA,
        "spec": json.loads(contents.network.spec.to_json()),
        "classes": contents.classes,
        "pretrained": contents.pretrained,
        "steps": contents.steps,
        "average_steps": contents.average.steps,
        "optimiser": contents.moments.kind,
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(contents).items()}
    with _disk_faults(path, sum(tensor.nbytes for tensor in tensors.values())):
        safetensors.torch.save_file(tensors, path, {METADATA_KEY: json.dumps(metadata, sort_keys=True)})
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> Contents:
    """Read what `write` wrote, onto the CPU. Raises StateFileError or OSError."""
    _read_through(path)
    try:
        with _disk_faults(path), safetensors.safe_open(path, framework="pt", device="cpu") as file:
            metadata = json.loads((file.metadata() or {})[METADATA_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
        return _contents(metadata, tensors)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, RuntimeError, NetworkError) as error:
        raise StateFileError(f"{path} is no learner's state, or of another architecture: {error}") from error


@contextmanager
def _disk_faults(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn what safetensors says of the disk into the OSError that it was: its own error is none.

    "I/O error: No space left on device (os error 28)": Rust's word, with the system's number.
    """
    try:
        with writing(path, needed):
            yield
    except safetensors.SafetensorError as error:
        number = _SYSTEM_ERROR.search(str(error))
        if number is None:
            raise
        raise DiskError(int(number[1]), os.strerror(int(number[1])), path, needed) from error


def _read_through(path: Path) -> None:
    """Read a file that is mapped next: where its disk fails, that is an OSError here, and a killed process there."""
    with path.open("rb", buffering=0) as file:
        while file.read(READ_BYTES):
            pass


def _tensors(contents: Contents) -> dict[str, Tensor]:
    tensors = {f"network/{name}": tensor for name, tensor in contents.network.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in contents.average.tensors.items()}
    tensors |= {f"statistics/{name}": tensor for name, tensor in contents.statistics.items()}
    for name, kept in contents.moments.tensors.items():
        tensors |= {f"moments/{name}/{key}": tensor for key, tensor in kept.items()}
    return tensors | {"rows_born": contents.average.rows_born}


def _contents(metadata: dict[str, Any], tensors: dict[str, Tensor]) -> Contents:
    if metadata["schema"] != SCHEMA:
        raise ValueError(f"schema {metadata['schema']} is not {SCHEMA}")
    network = build(NetworkSpec.from_json(json.dumps(metadata["spec"])), seed=0)
    network.load_state_dict(_part(tensors, "network/"))
    moments: dict[str, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "moments/").items():
        parameter, _, key = name.rpartition("/")
        moments.setdefault(parameter, {})[key] = tensor
    return Contents(
        network=network,
        classes=tuple(metadata["classes"]),
        average=WeightAverage(_part(tensors, "average/"), tensors["rows_born"], metadata["average_steps"]),
        pretrained=metadata["pretrained"] is True,
        steps=metadata["steps"],
        moments=Moments(metadata["optimiser"], moments),
        statistics=_part(tensors, "statistics/"),
    )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
