"""Checks a model repository against its own digests and manifests. Reads only; loads neither torch nor onnx."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from model.durable import file_sha256
from model.publishing import onnx_file, triton
from model.publishing.errors import BrokenRepositoryError, ManifestError
from model.publishing.layout import ModelPaths, parse_version
from model.publishing.learner_status import read_status
from model.publishing.manifest import Manifest
from model.publishing.manifest_file import holds, read_manifest
from model.publishing.metadata import CLASSES_KEY, MODEL_KEY, VERSION_KEY
from model.publishing.pointer import Pointer
from model.publishing.retired import Ranges, is_among, read_retired


class FindingKind(StrEnum):
    """What is wrong."""

    DIGEST_MISMATCH = "digest_mismatch"
    MISSING_FILE = "missing_file"
    BROKEN_MANIFEST = "broken_manifest"
    BROKEN_POINTER = "broken_pointer"
    BROKEN_RETIRED = "broken_list_of_retired_versions"
    POINTER_TO_MISSING = "pointer_to_missing_version"
    MANIFEST_DISAGREES = "manifest_disagrees"
    ORPHAN_STAGING = "orphan_staging"
    BROKEN_STATUS = "broken_status"
    """`status.json`, which only the web page reads."""
    LEFT_OVER = "left_over"
    """What a write that was cut off left behind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what stands there against what should. `version` is None above versions."""

    kind: FindingKind
    path: Path
    detail: str
    version: int | None = None


def verify_repository(root: Path, model: str) -> list[Finding]:
    """Return what is wrong with one model's repository, empty when all is well. Reads every artefact whole.

    A round that a running learner has staged shows as an orphan: ask while it stands still, or expect that one.
    Raises ValueError for an unsafe model name, OSError where the disk fails.
    """
    paths = ModelPaths(root, model)
    if not paths.home.is_dir():
        return []
    versions = sorted(filter(None, (parse_version(entry.name) for entry in paths.home.iterdir())))
    found: list[Finding] = []
    manifests: dict[int, Manifest] = {}
    for version in versions:
        try:
            found.extend(_of_version(paths, version, manifests))
        except FileNotFoundError:
            if paths.folder(version).exists():
                raise
    try:
        retired = read_retired(paths)
    except BrokenRepositoryError as error:
        retired = []
        found.append(Finding(FindingKind.BROKEN_RETIRED, paths.retired, str(error)))
    try:
        read_status(paths.status)
    except BrokenRepositoryError as error:
        found.append(Finding(FindingKind.BROKEN_STATUS, paths.status, str(error)))
    # A learner beside us may have let a version go while it was looked at.
    found = [one for one in found if one.version is None or not _went(paths, one.version, retired)]
    found.extend(_of_pointer(paths, versions, manifests))
    found.extend(
        Finding(FindingKind.LEFT_OVER, entry, "left of a retired version")
        for entry in (sorted(paths.leaving.iterdir()) if paths.leaving.is_dir() else ())
    )
    if paths.staging.is_dir():
        found.extend(
            Finding(FindingKind.ORPHAN_STAGING, entry, "left by a round that was not finished")
            for entry in sorted(paths.staging.iterdir())
        )
    found.extend(Finding(FindingKind.LEFT_OVER, file, "left by a write that was cut off") for file in left_overs(paths))
    return found


def _went(paths: ModelPaths, version: int, retired: Ranges) -> bool:
    return is_among(version, retired) and not paths.folder(version).exists()


def left_overs(paths: ModelPaths) -> list[Path]:
    """Return the files that writes leave behind when they are cut off, sorted. A learner may be about to rename one."""
    beside = [*paths.home.glob("*.tmp"), *paths.home.glob(".*.tmp"), *paths.home.glob("[1-9]*/*.tmp")]
    return sorted({file for file in beside if file.is_file()})


def _of_version(paths: ModelPaths, version: int, manifests: dict[int, Manifest]) -> Iterator[Finding]:
    artefact, written = paths.artefact(version), paths.manifest(version)
    for path in (artefact, written):
        if not path.is_file():
            yield Finding(FindingKind.MISSING_FILE, path, "is missing", version)
    if not written.is_file():
        return
    try:
        manifest = read_manifest(written)
    except ManifestError as error:
        yield Finding(FindingKind.BROKEN_MANIFEST, written, str(error), version)
        return
    manifests[version] = manifest
    if (manifest.model, manifest.version) != (paths.model, version):
        detail = f"is of {manifest.model!r} version {manifest.version}"
        yield Finding(FindingKind.MANIFEST_DISAGREES, written, detail, version)
    if artefact.is_file():
        yield from _of_artefact(artefact, manifest, version)


def _of_artefact(artefact: Path, manifest: Manifest, version: int) -> Iterator[Finding]:
    digest = file_sha256(artefact)
    if digest != manifest.file.sha256:
        detail = f"has sha256 {digest}, its manifest says {manifest.file.sha256}"
        yield Finding(FindingKind.DIGEST_MISMATCH, artefact, detail, version)
        return
    try:
        with onnx_file.mapped(artefact) as data:
            said = onnx_file.metadata(data)
        classes = tuple(json.loads(said.get(CLASSES_KEY, "null")) or ())
    except (BrokenRepositoryError, ValueError, TypeError) as error:
        yield Finding(FindingKind.MANIFEST_DISAGREES, artefact, f"its metadata cannot be read: {error}", version)
        return
    wanted = (str(manifest.version), manifest.model, manifest.classes)
    if (said.get(VERSION_KEY), said.get(MODEL_KEY), classes) != wanted:
        detail = "its metadata names another version, model or list of classes than its manifest"
        yield Finding(FindingKind.MANIFEST_DISAGREES, artefact, detail, version)


def _of_pointer(paths: ModelPaths, versions: list[int], manifests: dict[int, Manifest]) -> Iterator[Finding]:
    try:
        pointer = Pointer.read(paths.pointer)
    except BrokenRepositoryError as error:
        yield Finding(FindingKind.BROKEN_POINTER, paths.pointer, str(error))
        return
    if pointer is None:
        return
    if pointer.version not in versions:
        yield Finding(FindingKind.POINTER_TO_MISSING, paths.pointer, f"names version {pointer.version}")
        return
    manifest = manifests.get(pointer.version)
    if manifest is None:
        return
    if manifest.file.sha256 != pointer.sha256:
        detail = f"names sha256 {pointer.sha256}, version {pointer.version} is {manifest.file.sha256}"
        yield Finding(FindingKind.BROKEN_POINTER, paths.pointer, detail)
    for path, text in ((paths.labels, triton.labels_txt(manifest)), (paths.config, triton.config_pbtxt(manifest))):
        if not path.is_file():
            yield Finding(FindingKind.MISSING_FILE, path, "is missing")
        elif not holds(path, text.encode()):
            yield Finding(FindingKind.MANIFEST_DISAGREES, path, f"does not describe the champion {pointer.version}")
