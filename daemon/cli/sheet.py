"""`--sheet FILE.png`: the samples that a command lists, as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.output import say
from daemon.errors import OperatorError

if TYPE_CHECKING:
    from model.store.viewing import Viewed

SheetFile = Annotated[
    Path | None, typer.Option("--sheet", metavar="FILE.png", help="Draw the first 200 of the samples into this file.")
]


def write_sheet(to: Path, samples: Sequence[tuple["Viewed", str | None]], listed: int) -> None:
    """Draw samples, each with what the model took it for, and say how many of those `listed`; without any, only say so.

    Raises OperatorError where the file cannot be written.
    """
    from daemon.report.contact_sheet import PICTURES_MAX, Thumbnail, contact_sheet  # noqa: PLC0415 - not for --help

    if not samples:
        say("tidemill: there is nothing to draw")
        return
    chosen = [Thumbnail(one.pixels_HWC, one.name.label, predicted) for one, predicted in samples[:PICTURES_MAX]]
    try:
        to.write_bytes(contact_sheet(chosen))
    except OSError as error:
        raise OperatorError(
            "", f"{to} cannot be written: {error.strerror}", "Name another file with --sheet"
        ) from error
    say(f"tidemill: {len(chosen)} of the {listed} samples listed are drawn in {to}")
