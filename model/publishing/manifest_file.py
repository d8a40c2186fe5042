"""Reads a version's manifest as it lies in a repository: others may write there: a regular file, and bounded."""

from pathlib import Path

from model.publishing.errors import ManifestError
from model.publishing.manifest import Manifest
from model.untrusted import UnfitFileError, read_plain

MANIFEST_BYTES_MAX = 1 << 24
SMALL_BYTES_MAX = 1 << 24
"""Of labels, Triton's configuration, the pointer and the list of retired versions."""


def read_manifest(path: Path) -> Manifest:
    """Return the manifest at `path`. Raises ManifestError, and OSError."""
    try:
        data = read_plain(path, MANIFEST_BYTES_MAX)
    except UnfitFileError as error:
        raise ManifestError(str(error)) from error
    return Manifest.from_json(data)


def holds(file: Path, data: bytes) -> bool:
    """Return whether a regular file stands there with exactly these bytes. Raises OSError."""
    try:
        return read_plain(file, len(data)) == data
    except (FileNotFoundError, NotADirectoryError, UnfitFileError):
        return False
