"""`tidemill quarantine`: what was set aside, who is to blame, and what shall become of it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.listed import listed
from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import out, print_json, print_table
from daemon.cli.requests import WAIT_S, Wait, ask
from daemon.cli.sheet import SheetFile, write_sheet
from daemon.cli.state import open_ledger, open_viewer
from daemon.cli.suspects import suspects
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.words import counted

if TYPE_CHECKING:
    from model.store.viewing import Parcel, Viewer

EXAMPLES = examples(
    "tidemill quarantine list",
    "tidemill quarantine show 12 --sheet round-12.png",
    "tidemill quarantine drop 12",
    "tidemill quarantine relabels",
    "tidemill quarantine suspects --limit 100 --sheet suspects.png",
)
SHOWN_MAX = 1_000
"""Samples that `show --json` lists at most, unless told otherwise."""

Round = Annotated[
    int, typer.Argument(metavar="ROUND", min=1, help="The round, as `tidemill quarantine list` names it.")
]

group = typer.Typer(no_args_is_help=True, epilog=EXAMPLES)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(
        group, name="quarantine", rich_help_panel="Looking", help="Samples that were set aside, or look mislabelled."
    )
    group.command("suspects")(suspects)


@group.command("list")
def list_parcels(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """List what is set aside: suspect windows are retried by themselves, quarantined ones wait for you.

    What a rollback set aside waits for you, too, for to retry it would undo the rollback. Relabels are known pictures
    that came under another label, which they did not get.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_viewer(config) as viewer:
        found = [_facts(viewer, one) for one in viewer.parcels()]
    if as_json:
        print_json(found)
        return
    print_table(
        ("round", "is", "samples", "relabels", "tries", "most to blame", "reason"),
        [
            (
                one["round"],
                one["role"],
                one["samples"] or None,
                one["relabels"] or None,
                one["tries"] if one["samples"] else None,
                _blamed(one["sources"]),
                one["reason"],
            )
            for one in found
        ],
    )


@group.command("show")
def show(
    context: typer.Context,
    *,
    number: Round,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
    sheet: SheetFile = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Samples to list at most.")] = SHOWN_MAX,
) -> None:
    """Show what ROUND set aside and why: producers, labels, samples, and what the champion took them for."""
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_viewer(config) as viewer:
        parcel = next((one for one in viewer.parcels() if one.parcel == number), None)
        if parcel is None:
            cure = "`tidemill quarantine list` names what is"
            raise OperatorError("", f"nothing of round {number} is set aside", cure)
        told = _facts(viewer, parcel)
        viewed = viewer.view(viewer.samples(number, limit) if parcel.samples else [])
        told["listed"] = [listed(one.name, one.predicted) for one in viewed]
        told["relabelled"] = [asdict(one) for one in viewer.relabels(number, limit)]
    if sheet is not None:
        write_sheet(sheet, [(one, one.predicted) for one in viewed], len(viewed))
    if as_json:
        print_json(told)
        return
    out().print(_headline(number, told))
    for what, title in (("sources", "producer"), ("labels", "label")):
        rows = [(one["name"] or "(none given)", one["samples"], one["doubted"]) for one in told[what]]
        print_table((title, "samples", "taken for another class"), rows)
    if told["relabelled"]:
        out().print(f"{counted(told['relabels'], 'known picture')} came under other labels, and did not get them")
        waits = ("sample_id", "old", "new", "outcome", "source", "topic", "partition", "offset")
        print_table(waits, [[one[column] for column in waits] for one in told["relabelled"][:20]])
    columns = ("id", "label", "predicted", "source")
    print_table(columns, [[one[column] for column in columns] for one in told["listed"][:20]])


@group.command("release")
def release(
    context: typer.Context,
    *,
    number: Round,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
) -> None:
    """Ask the learner to take in what ROUND set aside: it is replayed and judged by from then on.

    Known pictures get the labels that ROUND gave them.
    """
    _ask(given(context, file, sets, {"paths.state": state}).load().config, "quarantine.release", number, wait)


@group.command("drop")
def drop(
    context: typer.Context,
    *,
    number: Round,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
) -> None:
    """Ask the learner to delete what ROUND set aside, for good. Known pictures keep the labels that they have."""
    _ask(given(context, file, sets, {"paths.state": state}).load().config, "quarantine.drop", number, wait)


@group.command("skip")
def skip(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
) -> None:
    """Ask the learner that stands still to set its open round's window aside after all, and to take the next one.

    It stands still when windows in a row raised the same error, for then none of them is at fault: /readyz says so.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        number = ledger.standing_round()
    if number is None:
        raise OperatorError(
            "", "the learner does not stand still at a round", "/readyz of learn.port says what it does"
        )
    typer.echo(ask(config, "quarantine.skip", {"round": number}, wait).answer)


@group.command("relabels")
def list_relabels(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
) -> None:
    """List which stored images came again under another label, who sent that, and what became of it."""
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        found, seen = ledger.relabels.counts(), ledger.relabels.since_look()
    if as_json:
        print_json({"since_look": seen, "relabels": [asdict(one) for one in found]})
        return
    columns = ("round", "old", "new", "source", "state", "outcome", "pictures")
    print_table(columns, [[getattr(one, column) for column in columns] for one in found])
    out().print(f"{counted(seen, 'was', 'were')} relabelled since `tidemill quarantine reviewed`")


@group.command("reviewed")
def reviewed(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    wait: Wait = WAIT_S,
) -> None:
    """Say that you have looked at what was relabelled: from then on each source may relabel its share anew."""
    config = given(context, file, sets, {"paths.state": state}).load().config
    typer.echo(ask(config, "quarantine.reviewed", {}, wait).answer)


def _ask(config: Config, kind: str, number: int, wait_s: float) -> None:
    typer.echo(ask(config, kind, {"parcel": number}, wait_s).answer)


def _facts(viewer: "Viewer", one: "Parcel") -> dict[str, Any]:
    return {
        "round": one.parcel,
        "role": one.role.value,
        "reason": one.reason,
        "samples": one.samples,
        "relabels": one.relabels,
        "tries": one.tries,
        "sources": [asdict(blamed) for blamed in viewer.blamed_sources(one.parcel)],
        "labels": [asdict(blamed) for blamed in viewer.blamed_labels(one.parcel)],
    }


def _headline(number: int, told: dict[str, Any]) -> str:
    """Return what is set aside of a round; a round of relabels alone set no sample aside."""
    if told["samples"] or not told["relabels"]:
        return f"Round {number}: {counted(told['samples'], 'sample')}, {told['role']}; {told['reason']}"
    return f"Round {number}: {counted(told['relabels'], 'relabel')}, for a person to decide; {told['reason']}"


def _blamed(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['name'] or '(none given)'} ({one['samples']})" for one in found[:3])
