"""`tidemill verify`: state directory and repository against their digests, and against each other."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.output import print_json, print_table, say
from daemon.cli.state import open_ledger
from daemon.composition.clocks import now_ms
from daemon.config import Config

if TYPE_CHECKING:
    from daemon.checking.findings import Trouble
    from daemon.checking.repair import Repaired

EXAMPLES = examples(
    "tidemill verify",
    "tidemill verify --state /var/lib/tidemill --repository /srv/models --json",
    "tidemill verify --repair",
)
Repair = Annotated[
    bool, typer.Option("--repair", help="Put right what can be without loss. The learner must be stopped.")
]


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
    repair: Repair = False,
    as_json: AsJson = False,
) -> None:
    """Check every file of the learner and every published version by their digests, and that they agree.

    Reads only, and may run beside the learner; with --repair it refuses to while one lives. Exit status 1 where
    something is wrong that does not right itself.
    """
    flags = {"paths.state": state, "paths.repository": repository}
    config = given(context, file, sets, flags).load().config
    found = _look(config)
    repaired = None
    if repair:
        repaired = _repair(config, found)
        found = _look(config)
    clean = all(one.harmless for one in found)
    if as_json:
        print_json({"clean": clean, "findings": [asdict(one) for one in found], **_told(repaired)})
    else:
        _print(found, repaired)
        serious = sum(not one.harmless for one in found)
        say("tidemill: all is well" if clean else f"tidemill: {serious} things are wrong")
    if not clean:
        raise typer.Exit(1)


def _look(config: Config) -> "list[Trouble]":
    from daemon.checking.findings import look  # noqa: PLC0415 - only where needed

    with open_ledger(config) as ledger:
        return look(config, ledger)


def _repair(config: Config, found: "list[Trouble]") -> "Repaired":
    from daemon.checking.repair import repair  # noqa: PLC0415

    return repair(config, found, now_ms)


def _told(repaired: "Repaired | None") -> dict[str, Any]:
    return {} if repaired is None else {"repaired": repaired.done, "not_repaired": repaired.left}


def _print(found: "list[Trouble]", repaired: "Repaired | None") -> None:
    if repaired is not None:
        for line in repaired.done:
            say(f"repaired: {line}")
        for line in repaired.left:
            say(f"not repaired: {line}")
    if found:
        rows = [(one.where, one.kind, one.subject, one.message, one.cure) for one in found]
        print_table(("where", "what", "which", "how", "what to do"), rows)
