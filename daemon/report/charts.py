"""The page's charts, as SVG that stands inside the HTML: nothing is loaded from anywhere."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.report.drawing import CHAMPION, UNDONE, dates_on_top, figure_of, style, svg_of, whole_numbers, write_cells
from daemon.report.history import TAKEN, RoundFacts
from daemon.report.timeline import Timeline
from model.store.facts import Outcome

COLUMNS_MAX = 60
"""Versions or rounds side by side at most; of more, evenly spread ones are drawn, the newest always."""
NAME_CHARS_MAX = 32
"""Of a class's name in a chart; a table has it whole."""
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


def spread(count: int, most: int = COLUMNS_MAX) -> list[int]:
    """Return up to `most` indexes below `count`, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(place) for place in np.linspace(0, count - 1, most)})


def named(name: str) -> str:
    """Return a class's name as it fits beside a chart."""
    return name if len(name) <= NAME_CHARS_MAX else f"{name[: NAME_CHARS_MAX - 1]}…"


@style()
def accuracy_over_versions(
    versions: Sequence[int],
    overall: NDArray[np.float64],
    lost: NDArray[np.float64],
    timeline: Timeline | None = None,
) -> str:
    """Draw accuracy on the held-out samples and mean forgetting by version.

    The line is the champion and those that it came from; beside it stand those that a rollback has undone.
    """
    line = timeline or Timeline.plain(versions)
    figure, axes = figure_of(9, 3.6)
    past = [place for place, one in enumerate(versions) if one in line.past]
    shown = [versions[place] for place in past]
    axes.plot(shown, 100 * overall[past], color="#1f4e79", linewidth=2, marker="o", markersize=3, label="accuracy")
    undone = [place for place, one in enumerate(versions) if one not in line.past]
    if undone:
        numbers = [versions[place] for place in undone]
        axes.plot(numbers, 100 * overall[undone], "o", color=UNDONE, mfc="none", markersize=5, label="undone")
    for number, rollback in enumerate(line.rollbacks):
        label = {"label": "rollback"} if not number else {}
        axes.axvline(rollback.after_version + 0.5, color=UNDONE, linestyle=":", linewidth=1.5, **label)
    if line.champion in versions:
        value = 100 * overall[list(versions).index(line.champion)]
        axes.plot([line.champion], [value], "*", color=CHAMPION, markersize=13, label=f"champion ({line.champion})")
    axes.set_xlabel("version")
    axes.set_ylabel("right of the held out, in %", color="#1f4e79")
    axes.set_ylim(0, 102)
    axes.set_xlim(min(versions) - 0.6, max(versions) + 0.6)
    whole_numbers(axes)
    dates_on_top(axes, line.published_ms, "published (UTC)")
    axes.grid(alpha=0.3)
    beside = axes.twinx()
    beside.plot(shown, 100 * lost[past], color="#d6604d", linewidth=1.5, linestyle="--", label="forgetting")
    beside.set_ylabel("forgetting, in points", color="#d6604d")
    beside.set_ylim(bottom=0, top=max(5.0, float(np.nanmax(100 * lost[past], initial=0)) * 1.1))
    _legend(axes, beside)
    return svg_of(figure)


def _legend(axes: Any, beside: Any) -> None:
    marks, names = axes.get_legend_handles_labels()
    more, their_names = beside.get_legend_handles_labels()
    axes.figure.legend(
        [*marks, *more], [*names, *their_names], fontsize=7, ncols=5, loc="outside lower left", frameon=False
    )


@style()
def classes_over_versions(
    versions: Sequence[int],
    classes: Sequence[str],
    grid: NDArray[np.float64],
    timeline: Timeline | None = None,
) -> str:
    """Draw the accuracy of each class by version as a heat map; white where a class was not known.

    The champion's column is framed, numbers of undone versions are grey.
    """
    line = timeline or Timeline.plain(versions)
    places = {place for place, one in enumerate(versions) if one == line.champion}
    shown = sorted({*spread(len(versions)), *places})
    figure, axes = figure_of(min(9.0, 3.6 + 0.4 * len(shown)), max(2.0, 0.8 + 0.26 * len(classes)))
    percents = 100 * grid[:, shown]
    image = axes.imshow(percents, aspect="auto", cmap="YlGnBu", vmin=0, vmax=100)
    write_cells(axes, percents, "{:.0f}", dark_above=60)
    axes.set_xticks(range(len(shown)), [str(versions[one]) for one in shown], fontsize=7)
    for label, place in zip(axes.get_xticklabels(), shown, strict=True):
        label.set_color("black" if versions[place] in line.past else UNDONE)
        label.set_fontweight("bold" if place in places else "normal")
        label.set_rotation(90 if len(shown) > COLUMNS_MAX // 2 and max(versions) > 99 else 0)
    for place in places:
        column = shown.index(place)
        axes.axvspan(column - 0.5, column + 0.5, fill=False, edgecolor=CHAMPION, linewidth=2)
    axes.set_yticks(range(len(classes)), [named(one) for one in classes], fontsize=8)
    axes.set_xlabel("version")
    figure.colorbar(image, ax=axes, label="right, in %")
    return svg_of(figure)


@style()
def confusions(classes: Sequence[str], pairs: Sequence[tuple[str, NDArray[np.int64]]]) -> str:
    """Draw confusion matrices side by side, each row in percent of its label's samples.

    A matrix may have one column more than there are classes: what was taken for any other.
    """
    side = max(3.6, 0.9 + 0.3 * len(classes))
    figure, axes = figure_of(side * len(pairs), side, columns=len(pairs))
    for panel, (title, counts) in zip(np.atleast_1d(axes), pairs, strict=True):
        percents = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        panel.imshow(percents, cmap="Purples", vmin=0, vmax=100)
        write_cells(panel, percents, "{:.0f}", dark_above=55, hide_below=0.5)
        panel.set_title(title, fontsize=10)
        names = [named(one) for one in classes]
        columns = [*names, "any other"][: counts.shape[1]]
        panel.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
        panel.set_yticks(range(len(names)), names, fontsize=7)
        panel.set_xlabel("taken for, in % of the label")
        panel.set_ylabel("label")
    return svg_of(figure)


@style()
def rounds_taken(rounds: Sequence[RoundFacts]) -> str:
    """Draw what the records of each round became, and the champion's accuracy on them before they were learnt.

    Rounds that a rollback has undone are pale.
    """
    shown = list(rounds)[-COLUMNS_MAX:]
    numbers = [one.number for one in shown]
    figure, axes = figure_of(9, 3.8)
    bottom = np.zeros(len(shown))
    for kind in TAKEN:
        heights = np.array([one.taken[kind] for one in shown], np.float64)
        if heights.any():
            bars = axes.bar(
                numbers, heights, bottom=bottom, color=COLOURS[kind], label=kind.replace("_", " "), width=0.85
            )
            for bar, one in zip(bars, shown, strict=True):
                bar.set_alpha(0.35 if one.undone else 1.0)
            bottom += heights
    axes.set_xlabel("round")
    axes.set_ylabel("records")
    axes.set_ylim(bottom=0)
    axes.set_xlim(min(numbers) - 0.7, max(numbers) + 0.7)
    whole_numbers(axes)
    dates_on_top(axes, {one.number: one.committed_ms for one in shown}, "committed (UTC)")
    beside = axes.twinx()
    for outcome, marker in OUTCOMES.items():
        chosen = [one for one in shown if one.outcome is outcome and one.prequential_accuracy is not None]
        if chosen:
            values = [100 * (one.prequential_accuracy or 0.0) for one in chosen]
            beside.scatter(
                [one.number for one in chosen], values, marker=marker, s=18, color="black", label=outcome.value
            )
    beside.set_ylim(0, 102)
    beside.set_ylabel("right before learning, in %")
    _legend(axes, beside)
    return svg_of(figure)
