"""Reads named tensors from whatever training programs save, and never runs what a file says.

Taken: a state dict, alone or wrapped as training checkpoints wrap it, and the prefixes that wrappers of modules leave.
All else is refused in one line that says what the file holds and what to save instead.
"""

import argparse
import importlib
import pathlib
import pickle
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from model.network.errors import InitialWeightsError

AVERAGED = ("ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict", "model_ema_state_dict", "averaged")
"""Where checkpoints keep a moving average of the weights. Taken before the last weights: it is the better model."""
WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "module")
DEPTH_MAX = 5
"""Wrappers within wrappers."""
PREFIXES = ("ema_model.", "module.", "_orig_mod.", "model.", "net.", "network.", "body.")
"""Left by ema_pytorch, DataParallel and AveragedModel, torch.compile, Lightning's modules, and our own networks."""
COUNTERS = ("n_averaged",)
"""Tensors beside the weights that are none: AveragedModel's."""
NAMED = 5
HARMLESS: tuple[type, ...] = (
    *(argparse.Namespace, types.SimpleNamespace, pathlib.PosixPath, pathlib.PurePosixPath),
    *(np.dtype, type(np.dtype("f2")), type(np.dtype("f4")), type(np.dtype("f8"))),
    *(type(np.dtype("i4")), type(np.dtype("i8")), type(np.dtype("u1")), type(np.dtype("?"))),
)
"""What checkpoints hold beside tensors, options and numbers: to make one of these runs no code of the file's."""
PIECE = re.compile(r"-\d{5}-of-(\d{5})\.")
FAILURES = (
    *(pickle.UnpicklingError, safetensors.SafetensorError, RuntimeError, EOFError, ValueError, LookupError),
    *(AttributeError, ImportError, TypeError, AssertionError),
)
SAVE = "save model.state_dict() with torch.save, or as .safetensors"
MAGIC = (
    (b"version https://git-lfs", "it is a pointer of Git LFS: fetch the file with `git lfs pull`"),
    (b"\x89HDF", "it is an HDF5 file"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Tensors by name, and where in the file they lay, as "checkpoint → model_ema"; empty: at its top."""

    tensors: dict[str, Tensor]
    place: str


def read_weights(path: Path, expected: Mapping[str, Tensor]) -> Found:
    """Return the file's tensors by name; of prefixes all are taken off that leave `expected` names.

    `expected`: the network's own tensors. Raises InitialWeightsError.
    """
    _refuse_pieces(path)
    try:
        loaded = _load(path)
    except OSError as error:
        raise InitialWeightsError(f"model.initial_weights: cannot read {path}: {error.strerror or error}") from error
    except FAILURES as error:
        raise InitialWeightsError(f"model.initial_weights: {path} {_why_unreadable(path)}") from error
    if not isinstance(loaded, Mapping):
        raise InitialWeightsError(
            f"model.initial_weights: {path} holds a {type(loaded).__name__}; save model.state_dict() instead"
        )
    found = _unwrap(loaded, expected)
    if found is None:
        _refuse_empty(path, loaded)
    _refuse_odd(path, found.tensors, expected)
    return found


def _load(path: Path) -> object:
    if path.suffix == ".safetensors":
        return dict(safetensors.torch.load_file(path))
    # numpy's numbers, as in "best accuracy": their maker by the names of numpy 1 and 2
    scalar: Callable[..., Any] = importlib.import_module("numpy._core.multiarray").scalar
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    with torch.serialization.safe_globals([*HARMLESS, *names]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _refuse_pieces(path: Path) -> None:
    """Refuse folders and files that hold a part of the weights, or none."""
    if path.is_dir():
        files = sorted(one.name for one in path.iterdir())
        if ".metadata" in files or any(name.endswith(".distcp") for name in files):
            why = (
                "is a sharded checkpoint of torch.distributed.checkpoint: `python -m "
                "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE.pth` makes one file of it"
            )
        else:
            some = [name for name in files if Path(name).suffix in (".safetensors", ".pth", ".pt", ".bin", ".ckpt")]
            named = f" ({', '.join(some[:NAMED])})" if some else ""
            why = f"is a folder: name a file in it{named}"
        raise InitialWeightsError(f"model.initial_weights: {path} {why}")
    if path.suffix == ".json":
        why = "is an index of weights in several files: put them into one .safetensors file, and name that"
        raise InitialWeightsError(f"model.initial_weights: {path} {why}")
    if piece := PIECE.search(path.name):
        why = f"is one of {int(piece[1])} files: put their tensors into one .safetensors file, and name that"
        raise InitialWeightsError(f"model.initial_weights: {path} {why}")


def _why_unreadable(path: Path) -> str:
    try:
        unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (OSError, *FAILURES):
        unsafe = []
    if any(name.endswith((".DTensor", ".ShardedTensor")) for name in unsafe):
        return (
            "holds shards of a distributed model (DTensor), as FSDP saves them, and no plain tensors; save "
            "torch.distributed.checkpoint.state_dict.get_model_state_dict(model, "
            "options=StateDictOptions(full_state_dict=True, cpu_offload=True)) instead"
        )
    harmless = {f"{one.__module__}.{one.__qualname__}" for one in HARMLESS}
    unsafe = sorted(name for name in unsafe if name not in harmless and "multiarray.scalar" not in name)
    if unsafe:
        return f"holds no plain tensors but {', '.join(unsafe[:NAMED])}, and to read that would run its code; {SAVE}"
    with path.open("rb") as file:
        head = file.read(64)
    what = next((why for magic, why in MAGIC if head.startswith(magic)), "it is damaged, cut short, or of another kind")
    return f"holds no plain tensors ({what}); {SAVE}"


def _unwrap(loaded: Mapping[object, object], expected: Mapping[str, Tensor]) -> Found | None:
    """Return, of all mappings of tensors in the file, the first that fits best; None where there is none.

    An average comes before the last weights, and what is within before what is around it.
    """
    found = [
        Found(_stripped(tensors, expected), " → ".join(place)) for tensors, place in _wrapped(loaded, (), {id(loaded)})
    ]
    return max(found, key=lambda one: _fit(one.tensors, expected), default=None)


def _wrapped(
    given: Mapping[object, object], place: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[dict[str, Tensor], tuple[str, ...]]]:
    """Yield the mappings of tensors under known keys, with the keys that lead to each."""
    for name in (*AVERAGED, *WRAPPERS) if len(place) < DEPTH_MAX else ():
        inner = given.get(name)
        if isinstance(inner, Mapping) and id(inner) not in seen:
            seen.add(id(inner))
            yield from _wrapped(inner, (*place, name), seen)
    tensors = {name: value for name, value in given.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if tensors:
        yield tensors, place


def _fit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> int:
    """Return how many of the network's tensors are there in their shape; counters, which may be missing, aside."""
    return sum(
        name in tensors and tensors[name].shape == own.shape
        for name, own in expected.items()
        if own.is_floating_point()
    )


def _refuse_empty(path: Path, loaded: Mapping[object, object]) -> NoReturn:
    """Refuse what holds no weights under a known name."""
    keys = ", ".join(sorted(map(str, loaded))[:NAMED]) or "nothing"
    more = f" and {len(loaded) - NAMED} more" if len(loaded) > NAMED else ""
    raise InitialWeightsError(
        f"model.initial_weights: {path} holds no tensors by name under a known key (it has {keys}{more}; known are "
        f"{', '.join((*AVERAGED, *WRAPPERS))}); {SAVE}"
    )


def _refuse_odd(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are no plain ones, or none of floating-point numbers, finite ones, where weights should be.

    They are judged as what they become: float64 numbers may be infinite in float32.
    """
    for name, tensor in tensors.items():
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout != torch.strided or tensor.is_meta:
            kind = type(tensor).__name__ if type(tensor) not in (Tensor, nn.Parameter) else f"{tensor.layout} tensor"
            raise InitialWeightsError(
                f"model.initial_weights: {path} holds a {'tensor without numbers' if tensor.is_meta else kind} as "
                f"{name}, no plain one; save the full state dict (FSDP: get_model_state_dict with full_state_dict=True)"
            )
        if tensor.is_floating_point():
            if not bool(torch.isfinite(tensor.float()).all()):
                raise InitialWeightsError(
                    f"model.initial_weights: {path} holds a number that is not finite, in {name} (as float32)"
                )
        elif name in expected and expected[name].is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InitialWeightsError(
                f"model.initial_weights: {path} holds {kind} numbers as {name}, where the network has floating-point "
                "ones; save weights that are neither quantized nor cast"
            )


def _stripped(tensors: dict[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Return the tensors without the prefix under which most of the expected names are found; with one name, no more.

    What lies beside that prefix, a loss or a metric of the checkpoint's module, is left out: it is no network's.
    """
    tensors = {name: value for name, value in tensors.items() if name.rpartition(".")[2] not in COUNTERS}
    for _ in range(DEPTH_MAX):
        if any(name in expected for name in tensors):
            break
        prefix = max(PREFIXES, key=lambda one: _leads_to(one, tensors, expected))
        if not _leads_to(prefix, tensors, expected):
            break
        tensors = {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
    # torch.compile of a part leaves its mark within the name
    return {name.replace("._orig_mod.", "."): one for name, one in tensors.items()}


def _leads_to(prefix: str, tensors: Mapping[str, Tensor], expected: Collection[str]) -> int:
    """Return how much of what is expected lies under the prefix, whatever other prefixes are within."""
    inner = [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
    ends = {one for name in inner for one in _endings(name)}
    return len(ends & set(expected))


def _endings(name: str) -> list[str]:
    """Return the name without any number of known prefixes."""
    found = [name]
    for _ in range(DEPTH_MAX):
        prefix = next((one for one in PREFIXES if name.startswith(one)), None)
        if prefix is None:
            break
        name = name.removeprefix(prefix)
        found.append(name)
    return found
