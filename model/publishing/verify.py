"""Checks a model repository against its own digests and manifests. Reads only; loads neither torch nor onnx."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FindingKind(StrEnum):
    """What is wrong."""

    DIGEST_MISMATCH = "digest_mismatch"
    MISSING_FILE = "missing_file"
    BROKEN_MANIFEST = "broken_manifest"
    BROKEN_POINTER = "broken_pointer"
    POINTER_TO_MISSING = "pointer_to_missing_version"
    MANIFEST_DISAGREES = "manifest_disagrees"
    ORPHAN_STAGING = "orphan_staging"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what stands there against what should. `version` is None above versions."""

    kind: FindingKind
    path: Path
    detail: str
    version: int | None = None


def verify_repository(root: Path, model: str) -> list[Finding]:
    """Return what is wrong with one model's repository, empty when all is well. Reads every artefact whole."""
    raise NotImplementedError
