"""`tidemill report`: how the model grew, as one HTML page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import ConfigFile, RepositoryFolder, Sets, StateFolder, examples, given
from daemon.cli.output import say
from daemon.cli.state import open_ledger
from daemon.config import Config
from daemon.errors import OperatorError
from daemon.words import counted

if TYPE_CHECKING:
    from daemon.report.answers import HeldOut, VersionAnswers
    from daemon.report.history import History

EXAMPLES = examples("tidemill report", "tidemill report --to report.html --ago 20")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report", rich_help_panel="Looking", epilog=EXAMPLES)(report)


def report(
    context: typer.Context,
    *,
    file: ConfigFile = None,
    sets: Sets = None,
    state: StateFolder = None,
    repository: RepositoryFolder = None,
    to: Annotated[Path, typer.Option("--to", metavar="FILE.html", help="Where to write the page.")] = Path(
        "tidemill-report.html"
    ),
    ago: Annotated[int, typer.Option("--ago", min=1, help="Compare with the version so many before.")] = 10,
    images: Annotated[int, typer.Option("--images", min=0, max=500, help="Wrong answers to show.")] = 40,
) -> None:
    """Write one HTML page with pictures: accuracy by class, forgetting, confusions, rounds, refusals, wrong answers.

    The page needs nothing beside itself. Reads only, and may run beside the learner.
    """
    config = given(context, file, sets, {"paths.state": state, "paths.repository": repository}).load().config
    _require_extras()
    from daemon.report.history import read_history  # noqa: PLC0415 - only where needed
    from daemon.report.page import Report, render  # noqa: PLC0415

    with open_ledger(config) as ledger:
        history = read_history(ledger)
    if history is None:
        raise OperatorError("", "no version has been published yet", "`tidemill status` shows how far learning is")
    held_out = _held_out(config)
    answers = tuple(_answers(config, history, held_out, ago))
    made_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = render(Report(config.model.name, history, held_out, answers, made_at, images))
    try:
        to.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OperatorError("", f"{to} cannot be written: {error.strerror}", "Name another file with --to") from error
    say(
        f"tidemill: {counted(len(history.versions), 'version')} and {counted(len(history.rounds), 'round')} are in {to}"
    )


def _require_extras() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    missing = [name for name in ("jinja2", "matplotlib", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise OperatorError("", f"{', '.join(missing)} is not installed", "pip install 'tidemill[learn]'")


def _held_out(config: Config) -> "HeldOut":
    import numpy as np  # noqa: PLC0415

    from daemon.report.answers import HeldOut  # noqa: PLC0415
    from model.store.viewing import Viewer  # noqa: PLC0415

    with Viewer(config.paths.state) as viewer:
        samples = viewer.held_out(config.store.holdout_max)
        seen = viewer.view(samples)
    size = config.image.size
    pixels = np.stack([one.pixels_HWC for one in seen]) if seen else np.empty((0, size, size, 3), np.uint8)
    names = [one.name for one in seen]
    labels, ids = tuple(name.label for name in names), tuple(name.sample_id for name in names)
    return HeldOut(pixels, labels, ids, tuple(name.source for name in names))


def _answers(config: Config, history: "History", held_out: "HeldOut", ago: int) -> Iterator["VersionAnswers"]:
    """Ask the champion and the version `ago` before it; what cannot be read is said and left out."""
    from daemon.report.answers import ask  # noqa: PLC0415
    from model.publishing.errors import BrokenRepositoryError  # noqa: PLC0415
    from model.publishing.reader import RepositoryReader  # noqa: PLC0415

    reader = RepositoryReader(config.paths.repository, config.model.name)
    past = [history.versions[place] for place in history.past]  # what a rollback has undone is no earlier version of it
    now = history.champion.version
    wanted = past[max(0, len(past) - 1 - ago)].version
    kept = [version.version for version in past if version.retired_at_ms is None]
    earlier = next((number for number in kept if number >= wanted), wanted)  # what lies before it may be retired
    for number in dict.fromkeys((now, earlier)):
        try:
            manifest, artefact = reader.manifest(number), reader.artefact(number)
        except BrokenRepositoryError as error:
            say(f"tidemill: version {number} is left out: {error}")
            continue
        if manifest is None or artefact is None:
            why = "is retired (publish.keep)" if reader.is_retired(number) else f"is not in {config.paths.repository}"
            say(f"tidemill: version {number} is left out: it {why}")
            continue
        say(f"asking version {number} about {counted(len(held_out), 'held-out sample')}")
        yield ask(artefact, manifest, held_out)
