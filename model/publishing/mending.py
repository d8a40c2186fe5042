"""What a repair does to a repository. The caller owns it (see `Repository.open`); every step is safe to repeat."""

from collections.abc import Callable
from datetime import datetime

from model.durable import SHARED_FILE, file_sha256, replace_durably, sync_folder
from model.publishing import triton
from model.publishing.errors import BrokenRepositoryError, ManifestError
from model.publishing.layout import ModelPaths
from model.publishing.manifest import Manifest
from model.publishing.manifest_file import holds, read_manifest
from model.publishing.pointer import Pointer
from model.publishing.verify import left_overs


def sweep_left_overs(paths: ModelPaths) -> list[str]:
    """Remove what writes that were cut off left behind; return what was done. Raises OSError."""
    done = []
    for file in left_overs(paths):
        file.unlink(missing_ok=True)
        sync_folder(file.parent)
        done.append(f"swept {file}")
    return done


def has_artefact(paths: ModelPaths, version: int, sha256: str) -> bool:
    """Return whether the version's ONNX file is there and is the one of this digest. Raises OSError."""
    file = paths.artefact(version)
    return file.is_file() and file_sha256(file) == sha256


def is_whole(paths: ModelPaths, manifest: Manifest) -> bool:
    """Return whether the version is visible with this manifest and its artefact. Raises OSError."""
    try:
        visible = read_manifest(paths.manifest(manifest.version))
    except (FileNotFoundError, NotADirectoryError, ManifestError):
        return False
    return visible == manifest and has_artefact(paths, manifest.version, manifest.file.sha256)


def restore_manifest(paths: ModelPaths, manifest: Manifest) -> None:
    """Write a version's manifest again. Raises OSError."""
    replace_durably(paths.manifest(manifest.version), manifest.to_json().encode(), mode=0o444)


def read_pointer(paths: ModelPaths) -> Pointer | None:
    """Return the pointer, or None where there is none that can be read. Raises OSError."""
    try:
        return Pointer.read(paths.pointer)
    except BrokenRepositoryError:
        return None


def point_to(paths: ModelPaths, manifest: Manifest, at: datetime, reached: Callable[[str], None]) -> list[str]:
    """Make labels.txt, config.pbtxt and pointer name a whole version, in this order; return what was done.

    `at` is when it was published. A pointer that names it already keeps its time. Raises OSError.
    """
    pointer = read_pointer(paths)
    if pointer is None or (pointer.version, pointer.sha256) != (manifest.version, manifest.file.sha256):
        pointer = Pointer(manifest.version, manifest.file.sha256, at.isoformat().replace("+00:00", "Z"))
    done = []
    wanted = {
        paths.labels: triton.labels_txt(manifest).encode(),
        paths.config: triton.config_pbtxt(manifest).encode(),
        paths.pointer: pointer.to_bytes(),
    }
    for file, data in wanted.items():
        if not holds(file, data):
            reached(f"repair.{file.name}.before")
            replace_durably(file, data, mode=SHARED_FILE)
            done.append(f"wrote {file.name} for version {manifest.version}")
    return done
