"""`tidemill verify`: state directory and repository against their digests, and against each other."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from daemon.cli.options import AsJson, ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.output import print_json, print_table, say
from daemon.cli.state import open_ledger
from daemon.config import Config

if TYPE_CHECKING:
    from model.store.ledger import Ledger

EXAMPLES = examples("tidemill verify", "tidemill verify --state /var/lib/tidemill --repository /srv/models --json")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong; `harmless` where the learner puts it right by itself."""

    where: str
    kind: str
    subject: str
    message: str
    cure: str
    harmless: bool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", rich_help_panel="Looking", epilog=EXAMPLES)(verify)


def verify(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    repository: RepositoryFolder = None,
    as_json: AsJson = False,
) -> None:
    """Check every file of the learner and every published version by their digests, and that they agree.

    Reads only, and may run beside the learner. Exit status 1 where something is wrong that does not right itself.
    """
    flags = {"paths.state": state, "paths.repository": repository}
    config = given(context, file, sets, flags).load().config
    with open_ledger(config) as ledger:
        found = [*_state(config), *_repository(config), *_both(config, ledger)]
    clean = all(one.harmless for one in found)
    if as_json:
        print_json({"clean": clean, "findings": [asdict(one) for one in found]})
    else:
        if found:
            rows = [(one.where, one.kind, one.subject, one.message, one.cure) for one in found]
            print_table(("where", "what", "which", "how", "what to do"), rows)
        serious = sum(not one.harmless for one in found)
        say("tidemill: all is well" if clean else f"tidemill: {serious} things are wrong")
    if not clean:
        raise typer.Exit(1)


def _state(config: Config) -> Iterator[Trouble]:
    from model.store.verification import verify as verify_state  # noqa: PLC0415 - only where needed

    for one in verify_state(config.paths.state):
        yield Trouble("state", one.kind.value, one.subject, one.message, one.cure, one.harmless)


def _repository(config: Config) -> Iterator[Trouble]:
    from model.publishing.verify import FindingKind, verify_repository  # noqa: PLC0415

    for one in verify_repository(config.paths.repository, config.model.name):
        harmless = one.kind is FindingKind.ORPHAN_STAGING
        cure = "nothing: the learner sweeps it" if harmless else "restore the repository from a backup"
        yield Trouble("repository", one.kind.value, str(one.path), one.detail, cure, harmless)


def _both(config: Config, ledger: "Ledger") -> Iterator[Trouble]:
    """Hold the repository against what the learner published. What is half published now is no finding."""
    from model.publishing.errors import BrokenRepositoryError  # noqa: PLC0415
    from model.publishing.reader import RepositoryReader  # noqa: PLC0415

    cure = "start the learner, which publishes what it committed; else restore the repository from a backup"
    reader = RepositoryReader(config.paths.repository, config.model.name)
    published = [one for one in ledger.versions() if one.published_at_ms is not None]
    for one in published:
        try:
            manifest = reader.manifest(one.version)
        except BrokenRepositoryError:
            continue  # told by the repository's own check
        if manifest is None:
            message = "the learner published it, the repository does not have it"
            yield Trouble("both", "missing_version", f"version {one.version}", message, cure, harmless=False)
        elif manifest.file.sha256 != one.sha256:
            message = f"the learner published {one.sha256}, the repository has {manifest.file.sha256}"
            yield Trouble("both", "other_version", f"version {one.version}", message, cure, harmless=False)
    if not published:
        return
    try:
        pointer = reader.champion()
    except BrokenRepositoryError:
        return
    allowed = {one.version for one in (ledger.champion(), ledger.unpublished()) if one}
    if ledger.unsettled() is not None:
        allowed |= {move.version for move in ledger.moves()[-2:]}  # a rollback is under way
    # After an older state was accepted the pointer stays with the life given up, until there is a newer version.
    given_up = pointer is not None and published[-1].version < pointer.version <= ledger.newest_version()
    if pointer is not None and pointer.version not in allowed and not given_up:
        message = f"the pointer names version {pointer.version}, the learner's champion is {sorted(allowed)[0]}"
        yield Trouble("both", "other_champion", "champion.json", message, cure, harmless=False)
