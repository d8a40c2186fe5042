"""The readers' side of the model repository: what is champion, what versions are there. Light; loads no torch."""

from dataclasses import dataclass
from pathlib import Path

from model.publishing.errors import BrokenRepositoryError, ManifestError
from model.publishing.layout import ModelPaths, parse_version
from model.publishing.manifest import Manifest
from model.publishing.manifest_file import read_manifest
from model.publishing.pointer import Pointer
from model.publishing.retired import Ranges, is_among, read_retired

TRIES = 3


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
    The constructor raises ValueError for an unsafe model name.
    """

    def __init__(self, root: Path, model: str) -> None:
        self._paths = ModelPaths(root, model)
        self._last: Champion | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self._paths.model

    def champion(self) -> Champion | None:
        """Return the champion, or None before the first version."""
        pointer = Pointer.read(self._paths.pointer)
        for _ in range(TRIES):
            if pointer is None:
                return None
            try:
                return self._follow(pointer)
            except BrokenRepositoryError:
                # the pointer may have moved on while we followed it; a pointer that stands still is broken
                moved = Pointer.read(self._paths.pointer)
                if moved == pointer:
                    raise
                pointer = moved
        raise BrokenRepositoryError(f"{self._paths.pointer} moves faster than it can be followed")

    def versions(self) -> list[int]:
        """Return the visible versions, ascending."""
        try:
            found = [parse_version(entry.name) for entry in self._paths.home.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(version for version in found if version is not None)

    def manifest(self, version: int) -> Manifest | None:
        """Return the manifest of a version, or None when there is no such version."""
        path = self._paths.manifest(version)
        try:
            found = read_manifest(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            if self._paths.folder(version).is_dir():
                raise BrokenRepositoryError(f"{path} is missing") from error
            return None
        except ManifestError as error:
            raise BrokenRepositoryError(f"{path}: {error}") from error
        if (found.version, found.model) != (version, self._paths.model):
            raise BrokenRepositoryError(f"{path} is of {found.model!r} version {found.version}")
        return found

    def artefact(self, version: int) -> Path | None:
        """Return the path of a version's ONNX file, or None when there is no such version."""
        path = self._paths.artefact(version)
        return path if path.is_file() and not path.is_symlink() else None

    def is_retired(self, version: int) -> bool:
        """Return whether a version that is not there (any more) was let go: it will not come back."""
        return is_among(version, read_retired(self._paths))

    def retired(self) -> Ranges:
        """Return the numbers of the versions that were let go, as ascending ranges (first, last)."""
        return read_retired(self._paths)

    def _follow(self, pointer: Pointer) -> Champion:
        last = self._last
        manifest = last.manifest if last and last.version == pointer.version else self.manifest(pointer.version)
        artefact = self.artefact(pointer.version)
        if manifest is None or artefact is None:
            raise BrokenRepositoryError(f"{self._paths.pointer} names version {pointer.version}, which is not there")
        if manifest.file.sha256 != pointer.sha256 or artefact.stat().st_size != manifest.file.bytes:
            raise BrokenRepositoryError(f"version {pointer.version} is not the file that {self._paths.pointer} names")
        self._last = Champion(pointer.version, pointer.sha256, pointer.published_at, manifest, artefact)
        return self._last
