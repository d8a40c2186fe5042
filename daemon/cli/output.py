"""How commands speak: results on standard output, the rest on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

NONE = "-"


def out() -> Console:
    """Return the console of standard output. Texts from outside are never read as markup."""
    return Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)


def say(text: str) -> None:
    """Write a line to standard error."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Write `value` as JSON to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Write a table to standard output; None is shown as a dash."""
    table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(NONE if cell is None else str(cell) for cell in row))
    console = out()
    console.print(table, soft_wrap=False)


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


def clock_time(at_ms: int | None) -> str | None:
    """Return milliseconds since the epoch as a time of day in UTC."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
