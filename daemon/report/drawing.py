"""How every chart is drawn: the same facts give the same bytes."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS_WITH_TEXT_MAX = 400
CHAMPION = "#e08214"
UNDONE = "#888888"
DATES_MAX = 6
"""Dates above a chart at most."""
DAY_MS = 24 * 3600 * 1000


@contextmanager
def style() -> Iterator[None]:
    """Set how a chart is made; a text takes it over when it is created, so it holds around the whole drawing."""
    from matplotlib import rc_context  # noqa: PLC0415 - slow to load

    # Names of classes come from producers and are no formulas, whatever `$` they hold. The same facts give the same
    # bytes: ids that do not come from a random salt.
    with rc_context(
        {
            "text.parse_math": False,
            "text.usetex": False,
            "svg.hashsalt": "tidemill",
            "font.family": "DejaVu Sans",
        }
    ):
        yield


def figure_of(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    """Return a figure in inches, and its axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to load

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def whole_numbers(axes: Any) -> None:
    """Let the horizontal axis name versions or rounds: no halves."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter("{x:.0f}")


def dates_on_top(axes: Any, at_ms: Mapping[int, int], what: str) -> None:
    """Write above the chart when some of its numbers were; in UTC, with the time of day where they are of few days."""
    if not at_ms:
        return
    numbers = sorted(at_ms)
    places = sorted({round(place) for place in np.linspace(0, len(numbers) - 1, min(DATES_MAX, len(numbers)))})
    shown = [numbers[place] for place in places]
    form = "%Y-%m-%d" if max(at_ms.values()) - min(at_ms.values()) > 4 * DAY_MS else "%Y-%m-%d\n%H:%M"
    above = axes.secondary_xaxis("top")
    above.set_xticks(
        shown, [datetime.fromtimestamp(at_ms[one] / 1000, UTC).strftime(form) for one in shown], fontsize=7
    )
    above.set_xlabel(what, fontsize=8)


def write_cells(
    axes: Any, values: NDArray[np.float64], text: str, *, dark_above: float, hide_below: float = -1.0
) -> None:
    """Write each value into its cell, where the cells are few enough to be read."""
    if values.size > CELLS_WITH_TEXT_MAX:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value) and value >= hide_below:
            colour = "white" if value > dark_above else "black"
            axes.text(column, row, text.format(value), ha="center", va="center", fontsize=6.5, color=colour)


def svg_of(figure: Any) -> str:
    """Return the figure as SVG."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415

    FigureCanvasSVG(figure)
    drawn = io.StringIO()
    # No date either: the same facts give the same bytes.
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
