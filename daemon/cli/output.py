"""How commands speak: results on standard output, the rest on standard error."""

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from daemon.masking import masked
from daemon.words import clock_time

__all__ = ["clipped", "clock_time", "out", "percent", "print_json", "print_table", "say", "size"]

NONE = "-"
GAP = 2
"""Blanks between two columns."""
CLIPPED = 32
"""Characters of a label, a source or an id in a table: a longer one would push the other columns off the screen."""
LAST_MIN = 24
"""A last column with less room than this stands below its row."""


def out() -> Console:
    """Return the console of standard output. Texts from outside are never read as markup."""
    return Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)


def say(text: str) -> None:
    """Write a line to standard error, without secrets."""
    typer.echo(masked(text), err=True)


def print_json(value: Any) -> None:
    """Write `value` as JSON to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console | None = None) -> None:
    """Write a table to `console`, or to standard output; None is shown as a dash.

    No cell is ever cut. On a terminal the last column is folded where there is room for it, else it stands below its
    row; in a pipe each row is one line.
    """
    cells = [[NONE if cell is None else str(cell) for cell in row] for row in rows]
    *fixed, _ = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    console = console or out()
    room = console.width - sum(fixed) - GAP * len(fixed) if console.is_terminal else None
    for number, row in enumerate([list(columns), *cells]):
        start = "".join(set_cell_size(cell, width + GAP) for cell, width in zip(row, fixed, strict=False))
        console.print(_with_last(start, row[-1], room, console.width), style="bold" if number == 0 else "")


def _with_last(start: str, last: str, room: int | None, width: int) -> str:
    """Return a row: `start`, and the last cell beside it in `room` columns, or below."""
    if room is None or cell_len(last) <= room:
        return (start + last).rstrip()
    if room >= LAST_MIN:
        beside = textwrap.wrap(last, room, break_long_words=False, break_on_hyphens=False)
        return ("\n" + " " * cell_len(start)).join([start + beside[0], *beside[1:]])
    below = textwrap.wrap(last, max(width - GAP, LAST_MIN), break_long_words=False, break_on_hyphens=False)
    return "\n  ".join([start.rstrip(), *below])


def percent(value: float | None) -> str | None:
    """Return 0.951 as 95.1 %."""
    return None if value is None else f"{value * 100:.1f} %"


def size(value: int) -> str:
    """Return bytes as people read them."""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def clipped(text: str, most: int = CLIPPED) -> str | None:
    """Return what a producer wrote as one cell of a table: one line, cut where it is long; None where it is empty.

    --json has the whole of it.
    """
    line = " ".join(text.split())
    return (line if len(line) <= most else f"{line[: most - 1]}…") or None
