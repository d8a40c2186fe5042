"""Draws how accuracy grew, class by class, version by version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from daemon.demo.board import Measured
from daemon.demo.plan import NEW_CLASSES, OLD_CLASSES

INCHES = (11.0, 9.0)
DOTS_PER_INCH = 110
GROUPS = (
    ("digits 0 to 4, streamed first", OLD_CLASSES, "#1f77b4"),
    ("digits 5 to 9, streamed later", NEW_CLASSES, "#d95f02"),
)


def draw_accuracy(versions: Sequence[Measured], path: Path) -> None:
    """Write a PNG: above the curves of the two groups and of all, below the accuracy of each class by version."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load, and an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("Accuracy on test digits, as measured by the follower with ONNX Runtime", fontsize=14)
    curves, grid = figure.subplots(2, 1, height_ratios=(1, 1.1))
    _draw_curves(curves, versions)
    _draw_grid(figure, grid, versions)
    figure.savefig(path)


def _draw_curves(axes: Any, versions: Sequence[Measured]) -> None:
    numbers = [one.version for one in versions]
    for title, classes, colour in GROUPS:
        for name in classes:
            axes.plot(numbers, [100 * one.scores.accuracy(name) for one in versions], color=colour, alpha=0.2)
        means = [100 * one.scores.accuracy(*classes) for one in versions]
        axes.plot(numbers, means, color=colour, linewidth=2.5, marker="o", label=title)
    overall = [100 * one.scores.overall for one in versions]
    axes.plot(numbers, overall, color="black", linewidth=2, linestyle="--", marker="s", label="all digits")
    axes.set_title("By group (thin: each digit)")
    axes.set_xlabel("version")
    axes.set_ylabel("right, in %")
    axes.set_xticks(numbers)
    axes.set_ylim(-3, 103)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")


def _draw_grid(figure: Any, axes: Any, versions: Sequence[Measured]) -> None:
    classes = (*OLD_CLASSES, *NEW_CLASSES)
    percents = np.array([[100 * one.scores.accuracy(name) for one in versions] for name in classes])
    image = axes.imshow(percents, aspect="auto", cmap="YlGnBu", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percents):
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value > 60 else "black")
    axes.set_title("By digit, in %")
    axes.set_xlabel("version (pictures learnt as fresh)")
    axes.set_ylabel("digit")
    axes.set_xticks(range(len(versions)), [f"{one.version} ({one.manifest.samples.fresh})" for one in versions])
    axes.set_yticks(range(len(classes)), classes)
    figure.colorbar(image, ax=axes, label="right, in %")
