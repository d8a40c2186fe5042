"""The page's charts, as SVG that stands inside the HTML: nothing is loaded from anywhere."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.report.history import TAKEN, RoundFacts
from model.store.facts import Outcome

COLUMNS_MAX = 60
"""Versions or rounds side by side at most; of more, evenly spread ones are drawn, the newest always."""
CELLS_WITH_TEXT_MAX = 400
COLOURS = {
    "trained": "#1b7837",
    "holdout": "#7fbf7b",
    "duplicate": "#bdbdbd",
    "dead_lettered": "#d6604d",
    "waiting": "#fdae61",
    "suspect": "#762a83",
    "expired": "#252525",
}
OUTCOMES = {Outcome.PUBLISHED: "o", Outcome.HELD: "s", Outcome.REFUSED: "X"}


@contextmanager
def _style() -> Iterator[None]:
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


def spread(count: int, most: int = COLUMNS_MAX) -> list[int]:
    """Return up to `most` indexes below `count`, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(place) for place in np.linspace(0, count - 1, most)})


@_style()
def accuracy_over_versions(versions: Sequence[int], overall: NDArray[np.float64], lost: NDArray[np.float64]) -> str:
    """Draw accuracy on the held-out samples and mean forgetting by version."""
    figure, axes = _figure(9, 3.4)
    axes.plot(versions, 100 * overall, color="#1f4e79", linewidth=2, marker="o", markersize=3, label="accuracy")
    axes.set_xlabel("version")
    axes.set_ylabel("right of the held out, in %", color="#1f4e79")
    axes.set_ylim(0, 102)
    axes.grid(alpha=0.3)
    beside = axes.twinx()
    beside.plot(versions, 100 * lost, color="#d6604d", linewidth=1.5, linestyle="--")
    beside.set_ylabel("forgetting, in points", color="#d6604d")
    beside.set_ylim(bottom=0, top=max(5.0, float(np.nanmax(100 * lost, initial=0)) * 1.1))
    return _svg(figure)


@_style()
def classes_over_versions(versions: Sequence[int], classes: Sequence[str], grid: NDArray[np.float64]) -> str:
    """Draw the accuracy of each class by version as a heat map; white where a class was not known yet."""
    shown = spread(len(versions))
    figure, axes = _figure(9, max(2.0, 0.8 + 0.26 * len(classes)))
    percents = 100 * grid[:, shown]
    image = axes.imshow(percents, aspect="auto", cmap="YlGnBu", vmin=0, vmax=100)
    _write_cells(axes, percents, "{:.0f}", dark_above=60)
    axes.set_xticks(range(len(shown)), [str(versions[one]) for one in shown], fontsize=7)
    axes.set_yticks(range(len(classes)), classes, fontsize=8)
    axes.set_xlabel("version")
    figure.colorbar(image, ax=axes, label="right, in %")
    return _svg(figure)


@_style()
def confusions(classes: Sequence[str], pairs: Sequence[tuple[str, NDArray[np.int64]]]) -> str:
    """Draw confusion matrices side by side, each row in percent of its label's samples."""
    side = max(3.6, 0.9 + 0.3 * len(classes))
    figure, axes = _figure(side * len(pairs), side, columns=len(pairs))
    for panel, (title, counts) in zip(np.atleast_1d(axes), pairs, strict=True):
        percents = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        panel.imshow(percents, cmap="Purples", vmin=0, vmax=100)
        _write_cells(panel, percents, "{:.0f}", dark_above=55, hide_below=0.5)
        panel.set_title(title, fontsize=10)
        panel.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
        panel.set_yticks(range(len(classes)), classes, fontsize=7)
        panel.set_xlabel("taken for")
        panel.set_ylabel("label")
    return _svg(figure)


@_style()
def rounds_taken(rounds: Sequence[RoundFacts]) -> str:
    """Draw what the records of each round became, and the champion's accuracy on them before they were learnt."""
    shown = list(rounds)[-COLUMNS_MAX:]
    numbers = [one.number for one in shown]
    figure, axes = _figure(9, 3.6)
    bottom = np.zeros(len(shown))
    for kind in TAKEN:
        heights = np.array([one.taken[kind] for one in shown], np.float64)
        if heights.any():
            axes.bar(numbers, heights, bottom=bottom, color=COLOURS[kind], label=kind.replace("_", " "), width=0.85)
            bottom += heights
    axes.set_xlabel("round")
    axes.set_ylabel("records")
    axes.legend(fontsize=7, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    beside = axes.twinx()
    for outcome, marker in OUTCOMES.items():
        chosen = [one for one in shown if one.outcome is outcome and one.prequential_accuracy is not None]
        values = [100 * (one.prequential_accuracy or 0.0) for one in chosen]
        beside.scatter([one.number for one in chosen], values, marker=marker, s=18, color="black", label=outcome.value)
    beside.set_ylim(0, 102)
    beside.set_ylabel("right before learning, in %")
    beside.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, frameon=False)
    return _svg(figure)


def _figure(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to load

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def _write_cells(
    axes: Any, values: NDArray[np.float64], text: str, *, dark_above: float, hide_below: float = -1.0
) -> None:
    if values.size > CELLS_WITH_TEXT_MAX:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value) and value >= hide_below:
            colour = "white" if value > dark_above else "black"
            axes.text(column, row, text.format(value), ha="center", va="center", fontsize=6.5, color=colour)


def _svg(figure: Any) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415

    FigureCanvasSVG(figure)
    drawn = io.StringIO()
    # No date either: the same facts give the same bytes.
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
