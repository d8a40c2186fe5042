"""From a network to a staged, checked ONNX file. Only the first publication of an architecture runs the exporter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn


@dataclass(frozen=True, slots=True)
class Staged:
    """An artefact on disk, fsynced and checked. `seconds` of wall time; `exported`: whether the exporter ran."""

    sha256: str
    bytes: int
    parity_max_abs_error: float
    exported: bool
    seconds: float


class Publisher:
    """Fills templates of exported graphs with weights. `cache_dir` keeps the templates over restarts (a few kB each)."""

    def __init__(self, cache_dir: Path, *, clock: Callable[[], float]) -> None:
        raise NotImplementedError

    def stage(
        self,
        network: nn.Module,
        spec_json: str,
        classes: Sequence[str],
        model_name: str,
        version: int,
        samples_NHWC: NDArray[np.uint8],
        out_path: Path,
    ) -> Staged:
        """Write `network` as ONNX to `out_path` and check it against torch on `samples_NHWC`.

        `network` maps float32 [batch, 3, H, W] in 0..1 to logits [batch, len(classes)]; it is not changed.
        `spec_json` names the architecture: whatever changes the graph must change it. `samples_NHWC`: at least one,
        uint8, RGB, of the size that the model sees. The same weights give the same bytes.
        Raises ExportError, UnmappableError, StaleTensorError or ParityError; then nothing lies at `out_path`.
        """
        raise NotImplementedError
