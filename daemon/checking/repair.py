"""Puts right what can be put right without loss. Every step is idempotent, and safe to be killed in."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from daemon.checking.findings import Trouble
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.words import counted
from model.publishing.errors import (
    BrokenRepositoryError,
    ManifestError,
    RepositoryLockedError,
    VersionConflictError,
)
from model.publishing.layout import ModelPaths
from model.publishing.manifest import Manifest
from model.publishing.mending import (
    has_artefact,
    is_whole,
    point_to,
    read_pointer,
    restore_manifest,
    sweep_left_overs,
)
from model.publishing.repository import Repository
from model.store.directory import StateDirectory
from model.store.errors import MissingFileError
from model.store.facts import StoreRules, Version
from model.store.ledger import Ledger
from model.store.reunion import reunite
from model.store.verification import FindingKind

CAUSE = "repair"


@dataclass(slots=True)
class Repaired:
    """What was done, and what could not be: whole sentences for people."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def repair(
    config: Config, found: list[Trouble], now_ms: Callable[[], int], reached: Callable[[str], None] = lambda _step: None
) -> Repaired:
    """Repair what `found` says is wrong, under the learner's locks. `reached` is told steps; tests are killed there.

    In this order, for each step relies on the one before: files of the state get their names back, what no row names is
    swept; manifests are written again from the database; the pointer names a version that is whole by then; versions
    whose folders are gone are retired, and retired ones removed; last, what was committed is published, for which the
    pointer must be readable. Raises StateLockedError or OperatorError while
    a learner lives; StateError; OSError when the disk refuses, after which it may be called again.
    """
    result = Repaired()
    path = config.paths.state
    if any(one.kind in (FindingKind.DATABASE, FindingKind.CROSS_REFERENCE) and one.where == "state" for one in found):
        result.left.append("tidemill.db is damaged or contradicts itself, so nothing was touched: restore a backup")
        return result
    result.done += reunite(path)
    with ExitStack() as stack:
        with Ledger.read_only(path) as ledger:
            size = ledger.image_size()
        try:
            directory = stack.enter_context(
                StateDirectory.open(path, size=size, rules=StoreRules(), now_ms=now_ms, reached=reached)
            )
        except MissingFileError as error:
            result.left.append(f"{error}; until then the repository is left alone as well")
            return result
        orphans = [one.subject for one in found if one.where == "state" and one.kind == FindingKind.ORPHAN]
        result.done += [f"swept {name}, which no row names" for name in orphans if not (path / name).exists()]
        _repository(config, directory, result, reached, stack)
    return result


def _repository(
    config: Config,
    directory: StateDirectory,
    result: Repaired,
    reached: Callable[[str], None],
    stack: ExitStack,
) -> None:
    """Repair the repository, if it is this state's and anything was ever to be published."""
    versions = list(directory.ledger.versions())
    paths = ModelPaths(config.paths.repository, config.model.name)
    if not versions and not paths.home.exists():
        return
    try:
        opened = Repository(config.paths.repository, config.model.name, reached=reached)
        repository = stack.enter_context(opened.open(directory.ledger.state_id(), adopt=True))
    except RepositoryLockedError as error:
        raise OperatorError("paths.repository", str(error), "Stop that learner first; nothing was changed") from error
    if repository.foreign and not _claim(paths, repository, directory, versions, result):
        return
    pending = directory.ledger.unpublished()
    staged = {entry.name for entry in paths.staging.iterdir()}
    repository.sweep([pending.round] if pending else [])
    result.done += [f"swept what round {name} staged" for name in sorted(staged - _names(paths, pending))]
    result.done += sweep_left_overs(paths)
    published = {one.version: one for one in directory.ledger.versions() if one.published_at_ms is not None}
    kept = [one for one in published.values() if one.retired_at_ms is None]
    missing = [one for one in kept if not paths.folder(one.version).exists()]
    whole = [one for one in kept if one not in missing and _mend(paths, one, result)]
    champion = directory.ledger.champion()
    if published:
        _point(paths, directory, published, whole, result, reached)
    _give_up(directory, missing, result, sure=champion in whole)
    _remove_retired(directory, repository, result)
    if pending is not None:
        _publish(directory, repository, pending, result)


def _names(paths: ModelPaths, pending: Version | None) -> set[str]:
    return {str(pending.round)} if pending and (paths.staging / str(pending.round)).exists() else set()


def _claim(
    paths: ModelPaths, repository: Repository, directory: StateDirectory, versions: list[Version], result: Repaired
) -> bool:
    """Write whose repository this is, where that was lost and every version in it is ours; return whether it is."""
    if paths.state_id.is_file():
        result.left.append(f"{paths.home} belongs to another state directory, and was left alone")
        return False
    ours = {one.version: one.sha256 for one in versions}
    folders = [int(entry.name) for entry in paths.home.iterdir() if entry.name.isdecimal()]
    strangers = [number for number in folders if number not in ours or not has_artefact(paths, number, ours[number])]
    if strangers:
        result.left.append(f"{paths.home} does not say whose it is, and version {min(strangers)} is not this state's")
        return False
    repository.belong_to(directory.ledger.state_id())
    result.done.append(f"wrote {paths.state_id}: every version is this state's")
    return True


def _publish(directory: StateDirectory, repository: Repository, pending: Version, result: Repaired) -> None:
    try:
        repository.publish(pending.version, repository.staged(pending.round), Manifest.from_dict(pending.manifest))
    except (BrokenRepositoryError, VersionConflictError, ManifestError) as error:
        result.left.append(f"version {pending.version} is committed and cannot be published: {error}")
        return
    directory.mark_published(pending.version)
    result.done.append(f"published version {pending.version}, which round {pending.round} had committed")


def _mend(paths: ModelPaths, version: Version, result: Repaired) -> bool:
    """Write a version's manifest again where that is all it lacks; return whether the version is whole then."""
    try:
        manifest = Manifest.from_dict(version.manifest)
    except ManifestError as error:
        result.left.append(f"version {version.version}: the database's own manifest cannot be read: {error}")
        return False
    if is_whole(paths, manifest):
        return True
    if has_artefact(paths, version.version, version.sha256):
        restore_manifest(paths, manifest)
        result.done.append(f"wrote the manifest of version {version.version} again, from the database")
        return True
    where = paths.artefact(version.version)
    how = "is damaged" if where.exists() else "is gone"
    result.left.append(f"{where} {how}: restore the file with sha256 {version.sha256} from a backup of the repository")
    return False


def _give_up(directory: StateDirectory, missing: list[Version], result: Repaired, *, sure: bool) -> None:
    """Retire the versions whose folders are gone as a whole.

    Only where it is `sure` that somebody deleted them, for the champion is whole: where that is gone as well, more may
    be wrong, as a volume that is not mounted. What was champion when it went is missed, and stays to be restored.
    """
    missed = {before.version for before, move in pairwise(directory.ledger.moves()) if move.cause == CAUSE}
    given_up = [one for one in missing if sure and one.version not in missed]
    for one in missing:
        if one not in given_up:
            how = f"its folder is gone: restore the file with sha256 {one.sha256} from a backup of the repository"
            result.left.append(f"version {one.version}: {how}")
    directory.retirements.retire([one.version for one in given_up])
    result.done += [f"retired version {one.version}, whose folder is gone" for one in given_up]


def _remove_retired(directory: StateDirectory, repository: Repository, result: Repaired) -> None:
    """Write the list of retired versions again, and remove those that still stand."""
    try:
        gone = directory.retirements.among(repository.visible())
        removed = repository.retire(directory.retirements.ranges(), gone)
    except BrokenRepositoryError as error:
        result.left.append(f"retired versions were not removed: {error}")
        return
    if removed:
        result.done.append(f"removed {counted(removed, 'retired version')} that still stood there")


def _point(
    paths: ModelPaths,
    directory: StateDirectory,
    published: dict[int, Version],
    whole: list[Version],
    result: Repaired,
    reached: Callable[[str], None],
) -> None:
    """Let pointer, config.pbtxt and labels.txt name the champion; the newest whole version where it is not whole."""
    pointer = read_pointer(paths)
    newest = max(published)
    if pointer is not None and newest < pointer.version <= directory.ledger.newest_version():
        # An older state was accepted, and the pointer stays with the life that was given up; or it names already what
        # is about to be marked as published.
        return
    champion = directory.ledger.champion()
    if champion is None:
        return
    target = _target(directory, champion, whole)
    if target is None:
        result.left.append("no published version is whole, so the pointer was left alone: restore one from a backup")
        return
    if target.version != champion.version:
        # The database first: killed here, the next repair and the next start find in it where the pointer belongs.
        directory.record_move(target.version, CAUSE)
        result.done.append(f"made version {target.version} champion, for {champion.version} is not whole")
        reached("repair.moved")
    moved_ms = published[target.version].published_at_ms or 0
    at = datetime.fromtimestamp(moved_ms / 1000, UTC)
    result.done += point_to(paths, Manifest.from_dict(target.manifest), at, reached)


def _target(directory: StateDirectory, champion: Version, whole: list[Version]) -> Version | None:
    """Return the champion, or the newest whole version whose weights are kept: below it first, for what lies above was
    rolled back."""
    usable = [one for one in whole if directory.weights_path(one.state).is_file()]
    below = [one for one in usable if one.version <= champion.version]
    return max(below or usable, key=lambda one: one.version, default=None)
