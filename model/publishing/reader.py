"""The readers' side of the model repository: what is champion, what versions are there. Light; loads no torch."""

from dataclasses import dataclass
from pathlib import Path

from model.publishing.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Champion:
    """The version being served. `published_at` is RFC 3339 in UTC."""

    version: int
    sha256: str
    published_at: str
    manifest: Manifest
    artefact: Path


class RepositoryReader:
    """Reads while the learner publishes: each call sees one version or the next, never a mixture.

    Every method raises BrokenRepositoryError for what cannot be served, and OSError where the disk fails.
    """

    def __init__(self, root: Path, model: str) -> None:
        raise NotImplementedError

    def champion(self) -> Champion | None:
        """Return the champion, or None before the first version."""
        raise NotImplementedError

    def versions(self) -> list[int]:
        """Return the visible versions, ascending."""
        raise NotImplementedError

    def manifest(self, version: int) -> Manifest | None:
        """Return the manifest of a version, or None when there is no such version."""
        raise NotImplementedError

    def artefact(self, version: int) -> Path | None:
        """Return the path of a version's ONNX file, or None when there is no such version."""
        raise NotImplementedError
