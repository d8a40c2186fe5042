"""State directory and repository held against their digests, and against each other. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.config import Config
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import MODEL_FILE, ModelPaths
from model.publishing.ownership import read_state_id
from model.publishing.reader import RepositoryReader
from model.publishing.verify import Finding, FindingKind, verify_repository
from model.store.ledger import Ledger
from model.store.verification import verify as verify_state

REPAIR = "tidemill verify --repair, with the learner stopped"
MISSING = f"restore it from a backup of the repository; or give it up as retired: {REPAIR}"
GONE = f"nothing: it is retired in its turn (publish.keep); or at once: {REPAIR}"
SWEPT = "nothing: the learner sweeps it at its next start"
_SWEPT = (FindingKind.ORPHAN_STAGING, FindingKind.LEFT_OVER)
_HARMLESS = (*_SWEPT, FindingKind.BROKEN_RETIRED, FindingKind.BROKEN_STATUS)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong; `harmless` where the learner puts it right by itself."""

    where: str
    kind: str
    subject: str
    message: str
    cure: str
    harmless: bool


def look(config: Config, ledger: Ledger) -> list[Trouble]:
    """Return all that is wrong, empty when all is well. Raises StateError, OSError."""
    return [*_state(config.paths.state), *_repository(config), *_both(config, ledger)]


def _state(path: Path) -> Iterator[Trouble]:
    for one in verify_state(path):
        yield Trouble("state", one.kind.value, one.subject, one.message, one.cure, one.harmless)


def _repository(config: Config) -> Iterator[Trouble]:
    for one in verify_repository(config.paths.repository, config.model.name):
        harmless = one.kind in _HARMLESS
        yield Trouble("repository", one.kind.value, str(one.path), one.detail, _cure(one), harmless)


def _cure(one: Finding) -> str:
    if one.kind in _SWEPT:
        return SWEPT
    if one.kind is FindingKind.BROKEN_RETIRED:
        return "nothing: the learner writes it again at its next start"
    if one.kind is FindingKind.BROKEN_STATUS:
        return "nothing: the learner writes it again every few seconds while it runs"
    if one.path.name == MODEL_FILE:
        return "restore this file from a backup; if it is the champion's, --repair moves the pointer to a whole version"
    return REPAIR


def _both(config: Config, ledger: Ledger) -> Iterator[Trouble]:
    """Hold the repository against what the learner published. What is half published now is no trouble."""
    reader = RepositoryReader(config.paths.repository, config.model.name)
    published = [one for one in ledger.versions() if one.published_at_ms is not None]
    pending = ledger.unpublished()
    if pending is not None:
        message = f"round {pending.round} is committed, and its version not published yet"
        cure = "nothing: the learner publishes it; or tidemill verify --repair"
        yield Trouble("both", "unpublished", f"version {pending.version}", message, cure, harmless=True)
    needed = _needed(ledger)
    for one in published:
        try:
            manifest = reader.manifest(one.version)
        except BrokenRepositoryError:
            continue  # told by the repository's own check
        if one.retired_at_ms is not None:
            if manifest is not None and manifest.file.sha256 == one.sha256:
                message = "it is retired, and its folder is still there"
                cure = "nothing: the learner removes it"
                yield Trouble("both", "retired_version", f"version {one.version}", message, cure, harmless=True)
        elif manifest is None:
            now = ledger.version(one.version)
            if now is not None and now.retired_at_ms is not None:
                continue  # a learner beside us has let it go since they were listed
            yield _missing(one.version, needed=one.version in needed)
        elif manifest.file.sha256 != one.sha256:
            message = f"the learner published {one.sha256}, the repository has {manifest.file.sha256}"
            yield Trouble("both", "other_version", f"version {one.version}", message, REPAIR, harmless=False)
    if published:
        yield from _ownership(config, ledger)
        yield from _pointer(reader, ledger, published[-1].version)


def _needed(ledger: Ledger) -> set[int]:
    """Return the versions that somebody may still ask for by right: champion, parent, those one may return to."""
    champion = ledger.champion()
    mine = {champion.version, champion.parent} if champion else set()
    return {*ledger.restorable(), *(one for one in mine if one is not None)}


def _missing(version: int, *, needed: bool) -> Trouble:
    if needed:
        message = "the learner published it, the repository does not have it"
        return Trouble("both", "missing_version", f"version {version}", message, MISSING, harmless=False)
    message = "its folder is gone, and nothing goes back to it"
    return Trouble("both", "missing_version", f"version {version}", message, GONE, harmless=True)


def _ownership(config: Config, ledger: Ledger) -> Iterator[Trouble]:
    paths = ModelPaths(config.paths.repository, config.model.name)
    if not paths.home.is_dir():
        return
    found = read_state_id(paths)
    if found == ledger.state_id():
        return
    if found:
        message = f"it belongs to the state {found}, not to {ledger.state_id()}"
        cure = "name the state directory and the repository that belong together, or start the learner with --adopt"
    else:
        message, cure = "it does not say which state directory it belongs to", REPAIR
    yield Trouble("both", "other_owner", str(paths.state_id), message, cure, harmless=False)


def _pointer(reader: RepositoryReader, ledger: Ledger, newest: int) -> Iterator[Trouble]:
    try:
        pointer = reader.champion()
    except BrokenRepositoryError:
        return  # told by the repository's own check
    allowed = {one.version for one in (ledger.champion(), ledger.unpublished()) if one}
    if ledger.unsettled() is not None:
        allowed |= {move.version for move in ledger.moves()[-2:]}  # a rollback is under way
    if pointer is None:
        message = f"there is no pointer, the learner's champion is {min(allowed)}"
        yield Trouble("both", "no_champion", "champion.json", message, REPAIR, harmless=False)
        return
    # After an older state was accepted the pointer stays with the life that was given up, until a newer version.
    given_up = newest < pointer.version <= ledger.newest_version()
    if pointer.version not in allowed and not given_up:
        message = f"the pointer names version {pointer.version}, the learner's champion is {min(allowed)}"
        yield Trouble("both", "other_champion", "champion.json", message, REPAIR, harmless=False)
