"""`tidemill rounds`: what each round took in, and what became of it."""

from typing import Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import percent, print_json, print_table
from daemon.cli.state import open_ledger

EXAMPLES = examples(
    "tidemill rounds", "tidemill rounds --json | jq '.[-1]'", "tidemill rounds --state /var/lib/tidemill"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rounds", rich_help_panel="Looking", epilog=EXAMPLES)(rounds)


def rounds(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """List the rounds, oldest first: outcome, version, reason, and the ranges of offsets that each learnt.

    Undone is what a rollback has cut off from the champion's past.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        found = list(ledger.rounds())
    if as_json:
        print_json(found)
    else:
        print_rounds(found)


def print_rounds(found: list[dict[str, Any]]) -> None:
    """Write rounds, as the ledger has them, as a table."""
    print_table(
        ("round", "outcome", "version", "records", "before", "seconds", "committed", "reason"),
        [
            (
                one["round"],
                _outcome(one),
                one["version"],
                sum(part["to"] - part["from"] for part in one["lineage"]),
                percent(one["prequential_accuracy"]),
                f"{one['seconds']:.1f}",
                one["committed_at"][:19].replace("T", " "),
                one["reason"],
            )
            for one in found
        ],
    )


def _outcome(one: dict[str, Any]) -> str:
    outcome = "empty" if one.get("empty") else str(one["outcome"])
    return f"{outcome}, undone" if one.get("undone") else outcome
