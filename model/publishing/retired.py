"""Versions that were let go: a list of their numbers for readers, and how their folders leave. Light; loads no torch.

`retired.json` holds {"retired": [[first, last], …]}, ranges of numbers, ascending. It names a version before its folder
goes, so that a reader who misses the folder knows why. A folder that stands under its number is served, named or not.
"""

import json
import shutil
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from model.durable import SHARED_FILE, rename_durably, replace_durably, sync_folder
from model.publishing.errors import BrokenRepositoryError, ManifestError
from model.publishing.layout import ModelPaths, parse_version
from model.publishing.manifest_file import SMALL_BYTES_MAX, read_manifest
from model.publishing.pointer import Pointer
from model.untrusted import UnfitFileError, read_plain

Ranges = list[tuple[int, int]]


def read_retired(paths: ModelPaths) -> Ranges:
    """Return the retired versions as ranges [first, last]. Raises BrokenRepositoryError, and OSError."""
    try:
        data = read_plain(paths.retired, SMALL_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UnfitFileError as error:
        raise BrokenRepositoryError(str(error)) from error
    try:
        found = [(_version(first), _version(last)) for first, last in json.loads(data)["retired"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BrokenRepositoryError(f"{paths.retired}: {type(error).__name__}: {error}") from error
    if found != merged(found) or any(not 1 <= first <= last for first, last in found):
        raise BrokenRepositoryError(f"{paths.retired}: its ranges are not ascending, or overlap")
    return found


def _version(value: object) -> int:
    if type(value) is not int:
        raise TypeError("a version is a whole number")
    return value


def is_among(version: int, ranges: Ranges) -> bool:
    """Return whether one of the ranges holds the version."""
    at = bisect_right(ranges, version, key=lambda one: one[0]) - 1
    return at >= 0 and version <= ranges[at][1]


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the same numbers in as few ranges as will do, ascending."""
    found: Ranges = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def write_retired(paths: ModelPaths, more: Iterable[tuple[int, int]], reached: Callable[[str], None]) -> None:
    """Add ranges to the list, durably; a list that cannot be read is made of these alone. Raises OSError."""
    try:
        before = read_retired(paths)
    except BrokenRepositoryError:
        before = []
    wanted = merged([*before, *more])
    if wanted == before and (paths.retired.exists() or not wanted):
        return
    reached(f"before {paths.retired.name}")
    replace_durably(paths.retired, json.dumps({"retired": wanted}).encode() + b"\n", mode=SHARED_FILE)
    reached(f"after {paths.retired.name}")


def remove_versions(paths: ModelPaths, versions: Mapping[int, str], reached: Callable[[str], None]) -> int:
    """Remove the folders of retired versions, {number: sha256 of its artefact}; return how many were. Safe to repeat.

    A folder leaves its number whole, by a rename, and is deleted afterwards: no reader finds half a version, and who
    has a file of it open reads on to its end. What the pointer names stays, and so does another state's version of the
    same number. Raises BrokenRepositoryError, and OSError.
    """
    pointer = Pointer.read(paths.pointer)
    removed = 0
    for version, sha256 in sorted(versions.items()):
        folder = paths.folder(version)
        if (pointer is not None and pointer.version == version) or not _is_ours(paths, version, sha256):
            continue
        reached("before removal")
        paths.leaving.mkdir(exist_ok=True)
        aside = paths.leaving / folder.name
        if aside.exists():  # of a former life, and of the same number: only where somebody put the folder back
            shutil.rmtree(aside)
        rename_durably(folder, aside)
        reached("within removal")
        shutil.rmtree(aside)
        sync_folder(paths.leaving)
        reached("after removal")
        removed += 1
    return removed


def sweep_leaving(paths: ModelPaths) -> list[Path]:
    """Delete what a life that was cut off left of retired versions; return the folders. Raises OSError."""
    found = sorted(paths.leaving.iterdir()) if paths.leaving.is_dir() else []
    for entry in found:
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if found:
        sync_folder(paths.leaving)
    return found


def visible_versions(paths: ModelPaths) -> dict[int, int]:
    """Return {version: bytes of its files}, for each folder that stands under its number. Raises OSError."""
    found: dict[int, int] = {}
    for entry in paths.home.iterdir():
        version = parse_version(entry.name)
        if version is not None and entry.is_dir():
            found[version] = sum(file.stat().st_size for file in entry.iterdir() if file.is_file())
    return found


def visible_digests(paths: ModelPaths) -> dict[int, str]:
    """Return {version: sha256 of its artefact, as its manifest says}, of those whose manifest can be read."""
    found: dict[int, str] = {}
    for version in visible_versions(paths):
        try:
            found[version] = read_manifest(paths.manifest(version)).file.sha256
        except (FileNotFoundError, ManifestError):
            continue
    return found


def _is_ours(paths: ModelPaths, version: int, sha256: str) -> bool:
    """Return whether a folder stands there and is not another state's; one whose manifest is broken is ours."""
    if not paths.folder(version).is_dir():
        return False
    try:
        return read_manifest(paths.manifest(version)).file.sha256 == sha256
    except (FileNotFoundError, ManifestError):
        return True
