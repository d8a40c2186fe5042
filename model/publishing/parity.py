"""Compares a file in ONNX Runtime with the network in torch, on real samples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state
from torch import nn

from model.publishing.errors import ParityError, RuntimeRefusalError
from model.publishing.template import INPUT, OUTPUT

PROBABILITY_LIMIT = 1e-4
LOG_LIMIT = 1e-3
LOG_FLOOR = float(np.log(1e-30))
"""Below this a float32 probability has too few digits left to compare."""

_REFUSALS = (
    RuntimeError,
    ValueError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    *(
        # they share no base class but Exception
        getattr(onnxruntime_pybind11_state, name)
        for name in ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    ),
)


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest differences between ONNX Runtime and torch: of probabilities, and of their logarithms."""

    probability_error: float
    log_error: float


def images(samples_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return uint8 pixels [n, H, W, 3] as the model's input: float32 [n, 3, H, W] in 0..1."""
    return np.ascontiguousarray(samples_NHWC.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)


def reference(network: nn.Module, batch: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return torch's log-probabilities [n, classes] for a batch of images."""
    with torch.inference_mode():
        return torch.log_softmax(network(torch.from_numpy(batch)).double(), dim=1).numpy()


def check_graph(path: Path) -> None:
    """Run onnx' checker with strict shape inference over a file. Raises RuntimeRefusalError."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except _REFUSALS as error:
        raise RuntimeRefusalError(f"onnx' checker refuses {path.name}: {error}") from error


def predict(path: Path, batch: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """Return ONNX Runtime's probabilities [n, classes], the first image in a batch of its own, on the CPU.

    The two sizes show that the batch is dynamic. The session lives no longer than this call.
    Raises RuntimeRefusalError.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = False
    # threads that spin while they wait take the cores from whatever else runs on the machine
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        parts = [session.run([OUTPUT], {INPUT: part})[0] for part in (batch[:1], batch[1:]) if len(part)]
    except _REFUSALS as error:
        raise RuntimeRefusalError(f"ONNX Runtime refuses {path.name}: {error}") from error
    return np.concatenate(parts)


def check(log_probabilities: NDArray[np.float64], probabilities: NDArray[np.float32]) -> Parity:
    """Compare torch's log-probabilities with ONNX Runtime's probabilities. Raises ParityError."""
    if log_probabilities.shape != probabilities.shape:
        raise RuntimeRefusalError(f"the file answers {probabilities.shape}, torch {log_probabilities.shape}")
    found = probabilities.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.maximum(np.log(found), LOG_FLOOR)
    probability_error = float(np.max(np.abs(found - np.exp(log_probabilities))))
    log_error = float(np.max(np.abs(logs - np.maximum(log_probabilities, LOG_FLOOR))))
    # written so that a NaN, which is in no order with anything, does not pass
    if not (probability_error <= PROBABILITY_LIMIT and log_error <= LOG_LIMIT):
        raise ParityError(probability_error, log_error, (PROBABILITY_LIMIT, LOG_LIMIT))
    return Parity(probability_error, log_error)
