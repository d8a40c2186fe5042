"""`tidemill quarantine suspects`: stored samples that are likely to carry a wrong label, and where they come from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.listed import listed
from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, given
from daemon.cli.output import out, percent, print_json, print_table
from daemon.cli.sheet import SheetFile, write_sheet
from daemon.cli.state import open_viewer
from daemon.words import counted

if TYPE_CHECKING:
    from model.store.suspects import Suspect
    from model.store.viewing import Viewer

LISTED = 50
BLAMED_MAX = 10
"""Producers and labels named at most."""


def suspects(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
    sheet: SheetFile = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Samples to list at most.")] = LISTED,
) -> None:
    """List the training samples that are likeliest to carry a wrong label, and the labels and producers most to blame.

    The score is the mean, over all times that a sample was trained on, of the logit of its label less the largest
    other one. Only those below 0 are listed: the model held another class for more likely. Nothing is changed.
    """
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_viewer(config) as viewer:
        found = viewer.suspects(limit)
        told = _told(viewer, found)
        if sheet is not None:
            said = {one.name.sample: one.ranked.predicted for one in found}
            viewed = viewer.view(list(said)[: _drawn_max()])
            write_sheet(sheet, [(one, said[one.name.sample]) for one in viewed], len(found))
    if as_json:
        print_json(told)
    else:
        _print(told)


def _drawn_max() -> int:
    from daemon.report.contact_sheet import PICTURES_MAX  # noqa: PLC0415 - only where needed, for a quick --help

    return PICTURES_MAX


def _told(viewer: "Viewer", found: "list[Suspect]") -> dict[str, Any]:
    labels, sources = viewer.stored_by_label(), viewer.stored_by_source()
    return {
        "stored": sum(labels.values()),
        "scored": viewer.observed(),
        "labels": blamed((one.name.label for one in found), labels),
        "sources": blamed((one.name.source for one in found), sources),
        "listed": [
            {
                **listed(one.name, one.ranked.predicted),
                "score": one.ranked.score,
                "observations": one.ranked.observations,
            }
            for one in found
        ],
    }


def blamed(names: Iterable[str], stored: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return who has suspects, those first that have the most beyond their share of the store. Shares are in 0..1."""
    counts, total = Counter(names), max(1, sum(stored.values()))
    in_all = max(1, counts.total())
    told: list[dict[str, Any]] = [
        {"name": name, "suspects": count, "share": count / in_all, "store_share": stored.get(name, 0) / total}
        for name, count in counts.items()
    ]
    return sorted(told, key=lambda one: (one["store_share"] - one["share"], one["name"]))[:BLAMED_MAX]


def _print(told: dict[str, Any]) -> None:
    shown = told["listed"]
    print_table(
        ("score", "seen", "label", "taken for", "producer", "id"),
        [
            (
                f"{one['score']:.2f}",
                one["observations"],
                one["label"],
                one["predicted"],
                one["source"] or None,
                one["id"],
            )
            for one in shown
        ],
    )
    console = out()
    console.print(f"{len(shown)} listed; {told['scored']} of {counted(told['stored'], 'training sample')} have a score")
    if once := sum(one["observations"] == 1 for one in shown):
        console.print(f"{once} of those listed were trained on once only: their score says less")
    for what, title in (("labels", "label"), ("sources", "producer")):
        rows = [
            (one["name"] or "(none given)", one["suspects"], percent(one["share"]), percent(one["store_share"]))
            for one in told[what]
        ]
        print_table((title, "suspects", "share of them", "share of the store"), rows)
