"""The learner's side of the model repository: one owner, staged versions, publication by renames.

A version goes through four states. *Staged*: in `.staging/<round>/`, which no reader looks at; a crash leaves it to be
swept or, once its round is committed, to be published. *Visible*: its folder stands under its number and never changes.
*Champion*: the pointer names it. *Retired*: its number is in a list, its folder is gone. What lies between is listed at
`publish` and `retire`.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from model.durable import (
    SHARED_FILE,
    SHARED_FOLDER,
    file_sha256,
    make_folder,
    rename_durably,
    replace_durably,
    sync_folder,
    write_synced,
)
from model.publishing import triton
from model.publishing.errors import BrokenRepositoryError, ManifestError, RepositoryError, VersionConflictError
from model.publishing.layout import CONFIG_FILE, LABELS_FILE, MANIFEST_FILE, MODEL_FILE, ModelPaths, parse_version
from model.publishing.manifest import Manifest
from model.publishing.manifest_file import holds, read_manifest
from model.publishing.ownership import check_state_id, take_lock, unavailable, write_state_id
from model.publishing.pointer import Pointer
from model.publishing.retired import (
    remove_versions,
    sweep_leaving,
    visible_digests,
    visible_versions,
    write_retired,
)

PROBE_FILE = ".probe"
_READ_ONLY = 0o444


def utc_now() -> datetime:
    """Return the time of day, in UTC."""
    return datetime.now(UTC)


class Repository:
    """One model of a repository, owned by this process while it is open.

    `reached(point)` is called before and after each rename of a publication: tests stop the world there.
    Raises ValueError for an unsafe model name.
    """

    def __init__(
        self,
        root: Path,
        model: str,
        *,
        now: Callable[[], datetime] = utc_now,
        reached: Callable[[str], None] = lambda point: None,
    ) -> None:
        self.root = root
        self._paths = ModelPaths(root, model)
        self._now = now
        self._reached = reached
        self._lock: int | None = None
        self._state_id = ""
        self.foreign = False
        """Whether it still belongs to another state directory: opened to be adopted, and not adopted yet."""

    def open(self, state_id: str, *, adopt: bool = False) -> Self:
        """Take the lock for life, check whose repository this is, and that it can be written.

        With `adopt` another state's repository is opened too: it is `foreign` until `belong_to`.
        Raises RepositoryUnavailableError, RepositoryLockedError, or ForeignRepositoryError (unless `adopt`).
        """
        self._lock = take_lock(self._paths)
        try:
            self.foreign = not check_state_id(self._paths, state_id, adopt=adopt)
            self._state_id = state_id
            self._probe()
        except OSError as error:
            self.close()
            raise unavailable(self._paths.root, error) from error
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Give the lock back. May be called twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _probe(self) -> None:
        # a lock file that exists can be opened where nothing new can be written: find out now, not at the first version
        write_synced(self._paths.home / PROBE_FILE, b"")
        (self._paths.home / PROBE_FILE).unlink()
        make_folder(self._paths.staging, SHARED_FOLDER)
        sync_folder(self._paths.home)
        sync_folder(self._paths.root)

    def sweep(self, keep: Collection[int]) -> None:
        """Remove what earlier lives staged, or had begun to remove, once it is certain that ours follows them.

        `keep`: rounds that are committed but not yet published. Raises RepositoryUnavailableError.
        """
        kept = {str(number) for number in keep}
        try:
            for entry in self._paths.staging.iterdir():
                if entry.name not in kept:
                    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            sync_folder(self._paths.staging)
            sweep_leaving(self._paths)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def belong_to(self, state_id: str) -> None:
        """Give the repository to a state directory, whose life goes on in it. Raises RepositoryUnavailableError."""
        try:
            write_state_id(self._paths, state_id)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        self.foreign, self._state_id = False, state_id

    def last_version(self) -> int:
        """Return the highest version ever made visible, 0 when there is none. The next version is above it."""
        found = [parse_version(entry.name) or 0 for entry in self._paths.home.iterdir()]
        pointer = Pointer.read(self._paths.pointer)
        return max([*found, pointer.version if pointer else 0])

    def champion(self) -> tuple[Manifest, datetime] | None:
        """Return what the pointer names, and since when; None before the first version.

        Raises BrokenRepositoryError, RepositoryUnavailableError.
        """
        try:
            pointer = Pointer.read(self._paths.pointer)
            if pointer is None:
                return None
            manifest = read_manifest(self._paths.manifest(pointer.version))
        except (FileNotFoundError, ManifestError) as error:
            raise BrokenRepositoryError(f"{self._paths.pointer} cannot be followed: {error}") from error
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        return manifest, datetime.fromisoformat(pointer.published_at)

    def stage_dir(self, round_number: int) -> Path:
        """Return the round's empty staging folder, which becomes the version folder. What lay there is removed.

        Raises RepositoryUnavailableError.
        """
        staged = self._paths.staged(round_number)
        self._check_owned()
        try:
            self._remove(staged.parent)
            make_folder(staged, SHARED_FOLDER)
            sync_folder(staged.parent)
            sync_folder(self._paths.staging)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        return staged

    def staged(self, round_number: int) -> Path:
        """Return where the round's staging folder is, as it is: after a restart it may hold a sealed version."""
        return self._paths.staged(round_number)

    def seal(self, staged: Path, manifest: Manifest) -> None:
        """Complete a staged version before its round is committed: manifest, labels, Triton's config; all fsynced.

        Afterwards publication is renames alone. Raises BrokenRepositoryError when the staged artefact is not the one
        that the manifest describes, ManifestError, or RepositoryUnavailableError.
        """
        if manifest.model != self._paths.model:
            raise ManifestError(f"the manifest is of model {manifest.model!r}, not {self._paths.model!r}")
        text = manifest.to_json()
        artefact = staged / MODEL_FILE
        try:
            if artefact.stat().st_size != manifest.file.bytes or file_sha256(artefact) != manifest.file.sha256:
                raise BrokenRepositoryError(f"{artefact} is not the file that its manifest describes")
            replace_durably(staged / MANIFEST_FILE, text.encode(), mode=SHARED_FILE)
            for name in (MODEL_FILE, MANIFEST_FILE):
                (staged / name).chmod(_READ_ONLY)
            write_synced(staged.parent / LABELS_FILE, triton.labels_txt(manifest).encode(), SHARED_FILE)
            write_synced(staged.parent / CONFIG_FILE, triton.config_pbtxt(manifest).encode(), SHARED_FILE)
            sync_folder(staged.parent)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def publish(self, version: int, staged: Path, manifest: Manifest) -> datetime:
        """Make a sealed version visible and the champion; return when that was. Safe to repeat after any crash.

        The order, and what a reader sees if the process ends before the step is done:
        1. the version folder is renamed to its number. Before: nothing new. Nobody looks at a number that neither
           the pointer nor Triton's policy names.
        2. labels.txt. Classes are only ever added at the end, so new labels still fit the old version.
        3. config.pbtxt: Triton serves the new version. HTTP readers still get the old one: each is whole.
        4. champion.json: HTTP readers get the new one. Whoever reads the pointer finds all that it leads to.
        5. what is left of the staging folder is removed; if not, the next life sweeps it.
        Each rename is made durable before the next. Raises VersionConflictError when the number is taken by another
        artefact or a newer version is champion, ForeignRepositoryError when another state has adopted the repository
        meanwhile, BrokenRepositoryError when the staged files are gone, or RepositoryUnavailableError, after which it
        may be called again.
        """
        self._check_owned()
        if version != manifest.version:
            raise VersionConflictError(f"version {version} was to be published with the manifest of {manifest.version}")
        try:
            pointer = Pointer.read(self._paths.pointer)
            self._check_newer(pointer, manifest)
            self._show(staged, manifest)
            self._place(staged.parent / LABELS_FILE, self._paths.labels, triton.labels_txt(manifest))
            self._place(staged.parent / CONFIG_FILE, self._paths.config, triton.config_pbtxt(manifest))
            pointer = self._point(pointer, manifest)
            self._remove(staged.parent)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        return datetime.fromisoformat(pointer.published_at)

    def check_servable(self, manifest: Manifest) -> None:
        """Raise BrokenRepositoryError unless the version is visible, whole, and the one of this manifest."""
        folder = self._paths.folder(manifest.version)
        try:
            visible = read_manifest(folder / MANIFEST_FILE)
            digest = file_sha256(folder / MODEL_FILE)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BrokenRepositoryError(f"{error.filename} is gone") from error
        except ManifestError as error:
            raise BrokenRepositoryError(f"{folder}: {error}") from error
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        if visible != manifest or digest != manifest.file.sha256:
            raise BrokenRepositoryError(f"{folder} is not the version {manifest.version} that was published")

    def return_to(self, manifest: Manifest) -> datetime:
        """Make a visible version the champion again; return when that was. Safe to repeat after any crash.

        For a rollback that is committed, and for nothing else: this alone moves the pointer back. The order, and what
        a reader sees if the process ends before the step is done:
        1. config.pbtxt: Triton serves the version. labels.txt may hold classes more: they stand at the end.
        2. labels.txt. 3. champion.json: HTTP readers get the version; until then they get the one before, whole.
        Raises BrokenRepositoryError when the version is not there or is another one, or RepositoryUnavailableError,
        after which it may be called again.
        """
        self._check_owned()
        self.check_servable(manifest)
        aside = self._paths.staging / "rollback"
        try:
            self._remove(aside)  # of a try for another version
            pointer = Pointer.read(self._paths.pointer)
            self._place(aside / CONFIG_FILE, self._paths.config, triton.config_pbtxt(manifest))
            self._place(aside / LABELS_FILE, self._paths.labels, triton.labels_txt(manifest))
            pointer = self._point(pointer, manifest)
            self._remove(aside)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error
        return datetime.fromisoformat(pointer.published_at)

    def retire(self, ranges: Iterable[tuple[int, int]], versions: Mapping[int, str]) -> int:
        """Note versions as retired, then remove the folders of `versions`; return how many went. Safe to repeat.

        `ranges` [first, last] of numbers; `versions` to the sha256 of their artefacts. For versions that are committed
        as retired. What a reader sees if the process ends before the step is done:
        1. retired.json. Before: all of them, whole. After: the same, for a folder that stands is served.
        2. each folder is renamed away: whoever misses it finds it in the list.
        3. and deleted; what is left of it the next life sweeps.
        Raises BrokenRepositoryError, or RepositoryUnavailableError, after which it may be called again.
        """
        self._check_owned()
        try:
            write_retired(self._paths, [*ranges, *((one, one) for one in versions)], self._reached)
            return remove_versions(self._paths, versions, self._reached)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def has_retired_list(self) -> bool:
        """Return whether the list of retired versions is there. Raises RepositoryUnavailableError."""
        try:
            return self._paths.retired.exists()
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def visible(self) -> dict[int, int]:
        """Return {version: bytes of its files} of the visible versions. Raises RepositoryUnavailableError."""
        try:
            return visible_versions(self._paths)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def digests(self) -> dict[int, str]:
        """Return {version: sha256 of its artefact}, as manifests say it. Raises RepositoryUnavailableError."""
        try:
            return visible_digests(self._paths)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def drop(self, round_number: int) -> None:
        """Remove what a refused round staged. Raises RepositoryUnavailableError."""
        try:
            self._remove(self._paths.staged(round_number).parent)
        except OSError as error:
            raise unavailable(self._paths.root, error) from error

    def _check_owned(self) -> None:
        if self._lock is None:
            raise RepositoryError(f"the repository {self._paths.home} is not open")
        # a lock may not reach a learner on another machine, and a stopped one may wake up after it was replaced
        check_state_id(self._paths, self._state_id, adopt=False)

    def _remove(self, folder: Path) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
            sync_folder(folder.parent)

    def _check_newer(self, pointer: Pointer | None, manifest: Manifest) -> None:
        if pointer is None or pointer.version < manifest.version:
            return
        if (pointer.version, pointer.sha256) != (manifest.version, manifest.file.sha256):
            raise VersionConflictError(
                f"version {manifest.version} ({manifest.file.sha256[:12]}) cannot follow the champion "
                f"{pointer.version} ({pointer.sha256[:12]})"
            )

    def _show(self, staged: Path, manifest: Manifest) -> None:
        folder = self._paths.folder(manifest.version)
        if not folder.exists():
            if not (staged / MANIFEST_FILE).exists():
                raise BrokenRepositoryError(f"version {manifest.version} is neither at {staged} nor at {folder}")
            self._reached("before version")
            rename_durably(staged, folder)
            self._reached("after version")
        try:
            visible = read_manifest(folder / MANIFEST_FILE)
        except (FileNotFoundError, ManifestError) as error:
            raise VersionConflictError(f"{folder} is no version of ours: {error}") from error
        if visible != manifest:
            raise VersionConflictError(f"{folder} is visible already, with another manifest")

    def _place(self, prepared: Path, target: Path, text: str) -> None:
        """Rename a prepared file into place. If it is gone, an earlier try may have placed it; else it is made anew."""
        data = text.encode()
        if holds(target, data):
            return
        if not prepared.exists():
            make_folder(prepared.parent, SHARED_FOLDER)
            write_synced(prepared, data, SHARED_FILE)
        self._reached(f"before {target.name}")
        rename_durably(prepared, target)
        self._reached(f"after {target.name}")

    def _point(self, pointer: Pointer | None, manifest: Manifest) -> Pointer:
        # an earlier try may have died between a rename and its fsync: the pointer must not outlive what it names
        sync_folder(self._paths.home)
        if pointer is not None and pointer.version == manifest.version:
            return pointer
        pointer = Pointer(manifest.version, manifest.file.sha256, self._now().isoformat().replace("+00:00", "Z"))
        self._reached("before champion.json")
        replace_durably(self._paths.pointer, pointer.to_bytes(), mode=SHARED_FILE)
        self._reached("after champion.json")
        return pointer
