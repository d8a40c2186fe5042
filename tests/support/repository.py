"""Writes a model repository as the contract describes it, with files that are no real models."""

import hashlib
import json
from pathlib import Path
from typing import Any

PUBLISHED_AT = "2026-11-02T10:00:00Z"


def make_manifest(version: int, content: bytes, *, model: str = "default") -> dict[str, Any]:
    """Return a whole manifest for a file of `content`."""
    return {
        "schema": 1,
        "model": model,
        "version": version,
        "parent": version - 1 or None,
        "round": version,
        "created_at": PUBLISHED_AT,
        "architecture": "resnet18",
        "input": {"height": 64, "width": 64, "resize": "bilinear-antialias"},
        "classes": ["cat", "dog"],
        "file": {"name": "model.onnx", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
        "lineage": [
            {
                "topic": "images",
                "topic_id": "abc",
                "partition": 0,
                "from": 100 * (version - 1),
                "to": 100 * version,
                "trained": 90,
                "holdout": 8,
                "dead_lettered": 2,
            }
        ],
        "samples": {"fresh": 90, "replay": 90},
        "event_time": {"oldest": PUBLISHED_AT, "newest": PUBLISHED_AT},
        "evaluation": {
            "holdout": 8,
            "candidate_accuracy": 0.95,
            "champion_accuracy": 0.94,
            "negative_flip_rate": 0.0,
            "per_class": {"cat": {"n": 4, "candidate": 0.9, "champion": 0.9}},
            "prequential_accuracy": 0.9,
            "train_accuracy": 0.97,
            "train_holdout_gap": 0.07,
        },
        "gate": {"verdict": "promoted", "reason": "not harmful", "p_value": 0.4, "detectable_points": 1.6},
        "parity_max_abs_error": 1e-6,
        "training": {"seed": 0, "epochs": 1, "steps": 4, "seconds": 0.1},
        "tidemill": "0.1.0",
        "class_prior": "balanced",
    }


def add_version(root: Path, version: int, content: bytes, *, model: str = "default") -> dict[str, Any]:
    """Write a version's folder and return its manifest."""
    folder = root / model / str(version)
    folder.mkdir(parents=True)
    manifest = make_manifest(version, content, model=model)
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    return manifest


def point_to(root: Path, version: int, *, model: str = "default") -> None:
    """Make a version the champion, by a rename."""
    home = root / model
    manifest = json.loads((home / str(version) / "manifest.json").read_text())
    pointer = {"version": version, "sha256": manifest["file"]["sha256"], "published_at": PUBLISHED_AT}
    aside = home / "champion.json.tmp"
    aside.write_text(json.dumps(pointer))
    aside.replace(home / "champion.json")


def publish(root: Path, version: int, content: bytes = b"", *, model: str = "default") -> dict[str, Any]:
    """Write a version, make it the champion and return its manifest."""
    manifest = add_version(root, version, content or f"model {version} ".encode() * 1000, model=model)
    point_to(root, version, model=model)
    return manifest
