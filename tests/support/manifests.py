"""Manifests and version files for tests about repositories."""

import hashlib
from dataclasses import replace
from pathlib import Path

from model.publishing import onnx_file, wire
from model.publishing.manifest import Manifest
from model.publishing.metadata import identity
from model.publishing.repository import Repository

EXAMPLE = {
    "schema": 1, "model": "default", "version": 7, "parent": 6, "round": 9, "created_at": "2026-11-24T10:00:00Z",
    "architecture": "resnet18", "input": {"height": 64, "width": 64, "resize": "bilinear-antialias"},
    "classes": ["cat", "dog"], "file": {"name": "model.onnx", "bytes": 45045874, "sha256": "ab" * 32},
    "lineage": [{"topic": "images", "topic_id": "x1", "partition": 0, "from": 1200, "to": 1744,
                 "trained": 511, "holdout": 27, "dead_lettered": 6}],
    "samples": {"fresh": 511, "replay": 511},
    "event_time": {"oldest": "2026-11-24T09:00:00Z", "newest": "2026-11-24T09:59:00Z"},
    "evaluation": {"holdout": 400, "candidate_accuracy": 0.951, "champion_accuracy": 0.946, "negative_flip_rate": 0.004,
                   "per_class": {"cat": {"n": 200, "candidate": 0.95, "champion": 0.94}}, "prequential_accuracy": 0.93},
    "gate": {"verdict": "promoted", "reason": "not worse", "p_value": 0.41, "detectable_points": 1.6},
    "parity_max_abs_error": 1.2e-6, "training": {"seed": 0, "epochs": 1, "steps": 24, "seconds": 3.1},
    "tidemill": "0.1.0",
}  # fmt: skip
"""As the contract shows it."""


def artefact_bytes(version: int, classes: tuple[str, ...] = ("cat", "dog"), model: str = "default") -> bytes:
    """Return bytes that are an ONNX file as far as its metadata goes."""
    out = wire.encode_bytes(onnx_file.MODEL_GRAPH, b"")
    for key, value in identity(model, version, classes).items():
        pair = wire.encode_bytes(onnx_file.ENTRY_KEY, key.encode())
        pair += wire.encode_bytes(onnx_file.ENTRY_VALUE, value.encode())
        out += wire.encode_bytes(onnx_file.MODEL_METADATA, pair)
    return out


def manifest_of(version: int, data: bytes, classes: tuple[str, ...] = ("cat", "dog")) -> Manifest:
    """Return a manifest of a version whose file holds `data`."""
    base = Manifest.from_dict(EXAMPLE)
    file = replace(base.file, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return replace(base, version=version, parent=version - 1 or None, round=version + 2, file=file, classes=classes)


def staged_version(
    repository: Repository, version: int, classes: tuple[str, ...] = ("cat", "dog")
) -> tuple[Path, Manifest]:
    """Stage and seal a version; its round is two above it."""
    data = artefact_bytes(version, classes)
    manifest = manifest_of(version, data, classes)
    staged = repository.stage_dir(manifest.round)
    (staged / "model.onnx").write_bytes(data)
    repository.seal(staged, manifest)
    return staged, manifest
