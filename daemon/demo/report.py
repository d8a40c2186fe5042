"""The end's account: the table of versions, the verdict, where everything lies, and what to try next."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from daemon.demo.board import Measured, View
from daemon.demo.plan import MODEL, Addresses
from daemon.demo.screen import versions_table
from daemon.demo.verdict import Finding, kept
from daemon.demo.workplace import Workplace


def write_table(view: View, findings: Sequence[Finding], place: Workplace) -> None:
    """Write versions, dead letters and verdict as JSON."""
    value = {
        "kept": kept(list(findings)),
        "promises": [{"kept": finding.kept, "text": finding.text} for finding in findings],
        "pictures_sent": view.sent,
        "broken_records_sent": dict(view.spoilt),
        "dead_letters": dict(view.dead),
        "versions": [_row(one) for one in view.versions],
    }
    place.table.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _row(one: Measured) -> dict[str, Any]:
    manifest, scores = one.manifest, one.scores
    return {
        "version": one.version,
        "round": manifest.round,
        "samples": {"fresh": manifest.samples.fresh, "replay": manifest.samples.replay},
        "accuracy": {"all": scores.overall, "0-4": scores.old, "5-9": scores.new},
        "accuracy_by_class": {name: scores.accuracy(name) for name in scores.by_class},
        "holdout_accuracy": manifest.evaluation.candidate_accuracy,
        "verdict": manifest.gate.verdict,
        "seconds_since_start": round(one.at_s, 1),
    }


def print_report(console: Console, view: View, findings: Sequence[Finding], place: Workplace) -> None:
    """Write the account for people."""
    console.print()
    if view.versions:
        console.print(versions_table(view.versions))
        console.print()
    for finding in findings:
        mark = "[green]kept  [/]" if finding.kept else "[bold red]BROKEN[/]"
        console.print(f"{mark} {finding.text}", highlight=False)
    console.print()
    for line in places(place):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not kept(list(findings)):
        console.print(f"The demo did not keep its promises. The roles' log: {_short(place.logs)}", style="bold red")
        return
    console.print()
    for line in next_steps(place):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def places(place: Workplace) -> Iterator[str]:
    """Yield where everything lies."""
    repository = _short(place.repository)
    yield f"models      {_short(place.repository / MODEL)} (every version; NVIDIA Triton serves {repository})"
    yield f"champion    {_short(place.pulled)} (as the follower pulled it)"
    yield f"picture     {_short(place.picture)}"
    yield f"metrics     {_short(place.metrics)} (Prometheus' text, as of the end)"
    yield f"table       {_short(place.table)}"
    yield f"log         {_short(place.logs)}"


def next_steps(place: Workplace) -> Iterator[str]:
    """Yield what to try next."""
    program, config = tidemill(), _short(place.config)
    steps = (
        (f"{program} explain 3 --config {config}", "what version 3 learnt, and why it was published"),
        (f"{program} serve --config {config}", "serves the models; it says where, and /docs describes the API"),
        (f"{program} demo --keep", "goes on until Ctrl-C, and shows all URLs"),
        ("make test", "all tests, against real servers"),
    )
    width = max(len(command) for command, _ in steps)
    yield "Try next:"
    yield from (f"  {command:{width}}  # {what}" for command, what in steps)
    yield "README.md says how to push your own images; docs/architecture.md follows one image, file by file."


def live_hints(addresses: Addresses, place: Workplace) -> Iterator[str]:
    """Yield what to try while the demo goes on."""
    model = f"{addresses.serve_url}/v1/models/{MODEL}"
    yield f"curl {model}/champion"
    yield f"curl -O {model}/champion/model.onnx"
    for role, url in addresses.health_urls().items():
        yield f"curl {url}/metrics   # {role}"
    yield f"{tidemill()} status --config {_short(place.config)}"
    yield f"{tidemill()} push FOLDER --config {_short(place.config)}   # FOLDER/cat/1.jpg, FOLDER/dog/2.png, ..."


def tidemill() -> str:
    """Return how to call the command from here."""
    program = Path(sys.executable).with_name("tidemill")
    return _short(program) if program.is_file() else "tidemill"


def _short(path: Path) -> str:
    """Return a path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
