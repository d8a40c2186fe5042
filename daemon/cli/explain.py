"""`tidemill explain VERSION`: what a version learnt, and why it was let through."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Sets, StateFolder, examples, given
from daemon.cli.output import NONE, out, percent, print_json, print_table
from daemon.cli.rounds import print_rounds
from daemon.cli.state import open_ledger
from daemon.errors import OperatorError
from daemon.words import counted

if TYPE_CHECKING:
    from model.store.facts import SampleName, VersionSamples
    from model.store.ledger import Ledger

EXAMPLES = examples("tidemill explain 7", "tidemill explain 7 --json --samples | jq '.samples.fresh[:5]'")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", rich_help_panel="Looking", epilog=EXAMPLES)(explain)


def explain(
    context: typer.Context,
    *,
    version: Annotated[int, typer.Argument(min=1, help="The version, as `tidemill versions` lists it.")],
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    as_json: AsJson = False,
    samples: Annotated[bool, typer.Option("--samples", help="Also the ids of the samples that it learnt.")] = False,
) -> None:
    """Tell what VERSION learnt, from which records, and why it was published."""
    config = given(context, file, sets, {"paths.state": state}).load().config
    with open_ledger(config) as ledger:
        told = _explained(ledger, version)
        names = ledger.samples_of(version) if samples else None
    if names is not None:
        told["samples"] = _samples(names)
    if as_json:
        print_json(told)
    else:
        _print(told, names)


def _explained(ledger: "Ledger", number: int) -> dict[str, Any]:
    version = ledger.version(number)
    if version is None:
        newest = max((one.version for one in ledger.versions()), default=0)
        cure = f"The newest is {newest}; `tidemill versions` lists all" if newest else "None has been published yet"
        raise OperatorError("", f"there is no version {number}", cure)
    parent = ledger.version(version.parent) if version.parent is not None else None
    since = parent.round if parent else 0
    told = {"manifest": version.manifest, "rounds": list(ledger.rounds(after=since, until=version.round))}
    if relabels := [asdict(one) for one in ledger.relabels.counts(since + 1, version.round)]:
        told["relabels"] = relabels
    if version.retired_at_ms is not None:
        from model.store.facts import iso_utc  # noqa: PLC0415 - only where needed

        told["retired_at"] = iso_utc(version.retired_at_ms)
    if relabels := [asdict(one) for one in ledger.relabels.counts(since + 1, version.round)]:
        told["relabels"] = relabels
    return told


def _samples(names: "VersionSamples") -> dict[str, Any]:
    return {
        "fresh": [one.sample_id for one in names.fresh],
        "fresh_evicted": names.fresh_evicted,
        "replayed": [one.sample_id for one in names.replayed],
        "replayed_evicted": names.replayed_evicted,
    }


def _print(told: dict[str, Any], names: "VersionSamples | None") -> None:
    manifest = told["manifest"]
    evaluation, gate = manifest["evaluation"], manifest["gate"]
    console = out()
    console.print(f"Version {manifest['version']} of {manifest['model']}: {manifest['architecture']}", style="bold")
    for name, value in (
        ("made", f"{manifest['created_at']} in round {manifest['round']}, from version {manifest['parent'] or NONE}"),
        ("classes", ", ".join(manifest["classes"])),
        ("samples", f"{manifest['samples']['fresh']} fresh, {manifest['samples']['replay']} replayed"),
        ("from", f"{manifest['event_time']['oldest'] or NONE} to {manifest['event_time']['newest'] or NONE}"),
        ("gate", f"{gate['verdict']}: {gate['reason']}"),
        ("held out", _accuracies(evaluation)),
        ("trained", _gap(evaluation)),
        ("file", f"{manifest['file']['bytes']} bytes, sha256 {manifest['file']['sha256']}"),
    ):
        console.print(f"  {name:9} {value}")
    console.print()
    _print_lineage(manifest["lineage"])
    console.print()
    print_rounds(told["rounds"])
    if "relabels" in told:
        console.print("\nKnown images that came under another label", style="bold")
        columns = ("round", "old", "new", "source", "state", "outcome", "pictures")
        print_table(columns, [[one[column] for column in columns] for one in told["relabels"]])
    for one in told["rounds"]:
        for event in one.get("class_events", ()):
            into = f" into {event['into']!r}" if "into" in event else ""
            console.print(f"round {one['round']}: {event['event']}: {event['name']!r}{into}")
    if names is not None:
        _print_samples("fresh", names.fresh, names.fresh_evicted)
        _print_samples("replayed", names.replayed, names.replayed_evicted)


def _accuracies(evaluation: dict[str, Any]) -> str:
    ours, champion = percent(evaluation["candidate_accuracy"]), percent(evaluation["champion_accuracy"])
    return f"{ours or NONE} on {counted(evaluation['holdout'], 'sample')}; the champion before: {champion or NONE}"


def _gap(evaluation: dict[str, Any]) -> str:
    gap: float | None = evaluation.get("train_holdout_gap")
    if gap is None:
        return NONE
    known = percent(evaluation["train_accuracy"])
    return f"{known} on samples trained on, {100 * gap:+.1f} points to the held out (means over classes)"


def _print_lineage(lineage: list[dict[str, Any]]) -> None:
    print_table(
        ("topic", "partition", "from", "to", "trained", "held out", "dead letters", "other"),
        [
            (
                one["topic"],
                one["partition"],
                one["from"],
                one["to"],
                one["trained"],
                one["holdout"],
                one["dead_lettered"],
                sum(one.get(kind, 0) for kind in ("duplicate", "waiting", "suspect", "expired")),
            )
            for one in lineage
        ],
    )


def _print_samples(kind: str, samples: "tuple[SampleName, ...]", evicted: int) -> None:
    gone = f", and {evicted} that left the store" if evicted else ""
    out().print(f"\n{len(samples)} {kind}{gone}", style="bold")
    print_table(
        ("id", "label", "source", "topic", "partition", "offset", "role"),
        [
            (one.sample_id, one.label, one.source, one.log.topic, one.log.partition, one.offset, one.role.value)
            for one in samples
        ],
    )
