"""From a network to a staged, checked ONNX file. Only the first publication of an architecture runs the exporter."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.durable import PRIVATE_FOLDER, make_folder, sync_folder
from model.publishing import parity
from model.publishing.errors import NonFiniteError, PublishingError
from model.publishing.export import TIMEOUT_S, export, never
from model.publishing.filling import Filled, check_tensors, fill
from model.publishing.fuse import floating_state, frozen_copy, fuse
from model.publishing.metadata import identity
from model.publishing.template import Template
from model.publishing.templates import Architecture, Templates

PARITY_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Staged:
    """An artefact on disk, fsynced and checked. `seconds` of wall time; `exported`: whether the exporter ran."""

    sha256: str
    bytes: int
    parity_max_abs_error: float
    exported: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class _Job:
    """One publication: what torch answers, what the file must hold, and what it says of itself."""

    state: Mapping[str, torch.Tensor]
    batch: NDArray[np.float32]
    answer: NDArray[np.float64]
    classes: int
    metadata: Mapping[str, str]
    out_path: Path


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Publisher:
    """Fills templates of exported graphs with weights. `cache_dir` keeps the templates over restarts, a few kB each.

    `clock` gives seconds (`time.monotonic`). `threads` is for torch and ONNX Runtime while they publish: the work is
    hundreds of small pieces, and on a busy machine threads that wait for each other made it several times slower.
    `stop()` ends an export that is under way. One publisher at a time may use a `cache_dir`.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        clock: Callable[[], float],
        threads: int = 1,
        export_timeout_s: float = TIMEOUT_S,
        stop: Callable[[], bool] = never,
    ) -> None:
        self._cache_dir = cache_dir
        self._swept = False
        self._templates = Templates(cache_dir)
        self._checked: set[tuple[str, int]] = set()
        self._clock = clock
        self._threads = threads
        self._export_timeout_s = export_timeout_s
        self._stop = stop

    def stage(
        self,
        network: nn.Module,
        *,
        spec_json: str,
        classes: Sequence[str],
        model_name: str,
        version: int,
        samples_NHWC: NDArray[np.uint8],
        out_path: Path,
    ) -> Staged:
        """Write `network` as ONNX to `out_path` and check it against torch on the first of `samples_NHWC`.

        `network` maps float32 [batch, 3, H, W] in 0..1 to logits [batch, len(classes)]; it is not changed.
        `spec_json`, JSON, names the architecture: whatever changes the graph must change it. Its key `classes_n` does
        not count: when only the number of classes changes, the exporter does not run.
        `samples_NHWC`: at least one, uint8, RGB, of the size that the model sees. Same weights, same bytes.
        Raises NonFiniteError, ExportError, UnmappableError, StaleTensorError, RuntimeRefusalError, ParityError or
        StoppedError; then nothing lies at `out_path`.
        """
        if len(samples_NHWC) == 0:
            raise ValueError("a model is checked on at least one sample")
        with _threads(self._threads):
            return self._stage(
                network, Architecture(spec_json, *samples_NHWC.shape[1:3]), samples_NHWC, out_path, classes,
                identity(model_name, version, classes),
            )  # fmt: skip

    def _stage(
        self,
        network: nn.Module,
        architecture: Architecture,
        samples_NHWC: NDArray[np.uint8],
        out_path: Path,
        classes: Sequence[str],
        metadata: Mapping[str, str],
    ) -> Staged:
        started = self._clock()
        self._prepare()
        batch = parity.images(samples_NHWC[:PARITY_SAMPLES])
        copy = frozen_copy(network)
        for name, tensor in floating_state(copy).items():
            if not bool(torch.isfinite(tensor).all()):
                raise NonFiniteError(f"{name} holds a number that is not finite")
        answer = parity.reference(copy, batch)
        if answer.shape[1] != len(classes):
            raise ValueError(f"the network answers {answer.shape[1]} classes, {len(classes)} were named")
        known = self._templates.get(architecture)
        found = known or self._export(copy, architecture, len(classes))
        fused = fuse(copy)
        job = _Job(floating_state(fused), batch, answer, len(classes), metadata, out_path)
        try:
            filled, error = self._fill(architecture, found, job)
        except PublishingError:
            if known is None:
                raise
            # the code behind the same spec may have changed since: one fresh export tells
            known = None
            found = self._export(frozen_copy(network), architecture, len(classes))
            filled, error = self._fill(architecture, found, job)
        return Staged(filled.sha256, filled.bytes, error, known is None, self._clock() - started)

    def _prepare(self) -> None:
        """Make the folder, remove what a killed export left. Not at the start: rounds wait for a full disk."""
        if self._swept:
            return
        make_folder(self._cache_dir, PRIVATE_FOLDER)
        for left_over in self._cache_dir.glob("export-*"):
            shutil.rmtree(left_over)
        self._swept = True

    def _export(self, copy: nn.Module, architecture: Architecture, classes: int) -> Template:
        template = export(
            copy,
            classes,
            height=architecture.height,
            width=architecture.width,
            work_dir=self._cache_dir,
            timeout_s=self._export_timeout_s,
            stop=self._stop,
        )
        self._templates.put(architecture, template)
        return template

    def _fill(self, architecture: Architecture, found: Template, job: _Job) -> tuple[Filled, float]:
        """Fill and check in full; return the file and its parity error. A file that fails is removed."""
        template = found.fit(job.state, job.classes)
        try:
            filled = fill(template, job.state, job.metadata, job.out_path)
            check_tensors(template, job.state, job.out_path)
            if (architecture.digest, job.classes) not in self._checked:
                parity.check_graph(job.out_path)
                self._checked.add((architecture.digest, job.classes))
            found_parity = parity.check(job.answer, parity.predict(job.out_path, job.batch, self._threads))
        except (PublishingError, OSError):
            job.out_path.unlink(missing_ok=True)
            sync_folder(job.out_path.parent)
            raise
        return filled, found_parity.probability_error
