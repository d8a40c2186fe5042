"""`tidemill versions`: what was published."""

from typing import TYPE_CHECKING, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import clock_time, percent, print_json, print_table, size
from daemon.cli.state import open_ledger

if TYPE_CHECKING:
    from model.store.facts import Version

EXAMPLES = examples("tidemill versions", "tidemill versions --json | jq '.[].version'")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("versions", rich_help_panel="Looking", epilog=EXAMPLES)(versions)


def versions(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the published versions, oldest first, with their accuracy on held-out samples.

    * is the champion; undone is what a rollback has cut off from its past; retired is what was let go (`publish.keep`).
    One can roll back to those whose weights are kept (`store.versions_kept`).
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        found = list(ledger.versions())
        champion = ledger.champion()
        undone, kept = ledger.undone(), set(ledger.restorable())
    now = champion.version if champion else None
    if as_json:
        print_json(
            [
                {
                    **version_facts(one, champion=one.version == now),
                    "undone": one.version in undone,
                    "retired": one.retired_at_ms is not None,
                    "restorable": one.version in kept,
                }
                for one in found
            ]
        )
        return
    print_table(
        (
            "",
            "version",
            "round",
            "parent",
            "published",
            "classes",
            "held-out accuracy",
            "held out",
            "weights",
            "size",
            "sha256",
        ),
        [
            (
                _standing(one, champion=one.version == now, undone=one.version in undone),
                one.version,
                one.round,
                one.parent,
                clock_time(one.published_at_ms),
                len(one.manifest["classes"]),
                percent(one.manifest["evaluation"]["candidate_accuracy"]),
                one.manifest["evaluation"]["holdout"],
                "kept" if one.version in kept else "gone",
                size(one.manifest["file"]["bytes"]),
                one.sha256[:12],
            )
            for one in found
        ],
    )


def _standing(one: "Version", *, champion: bool, undone: bool) -> str:
    words = {"*": champion, "undone": undone, "retired": one.retired_at_ms is not None}
    return ", ".join(word for word, holds in words.items() if holds)


def version_facts(one: "Version", *, champion: bool) -> dict[str, Any]:
    """Return a version as JSON values."""
    from model.store.facts import iso_utc  # noqa: PLC0415 - only where needed

    return {
        "version": one.version,
        "round": one.round,
        "parent": one.parent,
        "sha256": one.sha256,
        "bytes": one.manifest["file"]["bytes"],
        "architecture": one.manifest["architecture"],
        "classes": one.manifest["classes"],
        "holdout": one.manifest["evaluation"]["holdout"],
        "holdout_accuracy": one.manifest["evaluation"]["candidate_accuracy"],
        "published_at": iso_utc(one.published_at_ms) if one.published_at_ms is not None else None,
        "champion": champion,
    }
