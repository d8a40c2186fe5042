"""Draw panels as pictures for the documentation, from what a Prometheus holds and the committed dashboards.

`python -m scripts.dashboards.pictures http://localhost:9090 START END FOLDER [SCRAPE_S]`, the moments in seconds since
the epoch. Grafana draws the same queries; this needs none.
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scripts.dashboards.__main__ import FOLDER
from scripts.dashboards.answers import Series, Span, answers

PICTURES = {
    "freshness": ("overview", "Freshness"),
    "freshness-stages": ("overview", "Freshness by stage, mean"),
    "rounds": ("overview", "Rounds by outcome"),
    "classes": ("learning", "Accuracy by class"),
    "accuracy": ("overview", "Accuracy"),
    "lag": ("overview", "Records behind"),
    "codes": ("serving", "Requests by code"),
    "latency": ("serving", "Latency by route, 95 %"),
}
POINTS = 240
EVENT_POINTS = 2_000
PALETTE = 64
COLOURS = {"green": "#37872d", "red": "#c4162a", "orange": "#fa6400", "blue": "#1f60c4", "yellow": "#e0b400"}
OUTCOMES = {"published": "#56a64b", "held": "#e0b400", "refused": "#c4162a", "failed": "#7c2ea3", "empty": "#bdbdbd"}


def draw_all(url: str, start_s: float, end_s: float, folder: Path, scrape_s: int = 5) -> list[Path]:
    """Draw the main panels into `folder` as PNG; return the files. Raises NoAnswerError."""
    folder.mkdir(parents=True, exist_ok=True)
    fine = Span(start_s, end_s, max(scrape_s, math.ceil((end_s - start_s) / EVENT_POINTS)))
    files = []
    for name, (dashboard, title) in PICTURES.items():
        whole = json.loads((FOLDER / f"{dashboard}.json").read_text(encoding="utf-8"))
        panel = next(one for one in whole["panels"] if one["title"] == title and one["type"] != "row")
        span = Span(start_s, end_s, _step(panel, start_s, end_s, scrape_s))
        lines = [line for target in panel["targets"] for line in answers(url, target, span, scrape_s)]
        events = [_moments(url, one, fine, scrape_s) for one in whole["annotations"]["list"]]
        files.append(folder / f"{name}.png")
        _draw(panel, lines, events, span, files[-1])
    return files


def _step(panel: dict[str, Any], start_s: float, end_s: float, scrape_s: int) -> int:
    least = panel.get("interval", "")
    in_seconds = {"": scrape_s, "15s": 15, "1m": 60}[least]
    return max(in_seconds, math.ceil((end_s - start_s) / POINTS))


def _moments(url: str, event: dict[str, Any], span: Span, scrape_s: int) -> tuple[str, str, list[float]]:
    """Return an annotation's name, colour and moments: as Grafana, one where a row of points begins."""
    target = {"expr": event["expr"], "legendFormat": event["textFormat"]}
    found: set[float] = set()
    for series in answers(url, target, span, scrape_s):
        if event.get("useValueForTime"):
            found |= {value / 1000 for value in series.values if span.start_s <= value / 1000 <= span.end_s}
            continue
        last = -math.inf
        for time_s in series.times_s:
            if time_s > last + 1.5 * span.step_s:
                found.add(time_s)
            last = time_s
    return event["name"], COLOURS[event["iconColor"]], sorted(found)


def _draw(
    panel: dict[str, Any],
    lines: Sequence[Series],
    events: Sequence[tuple[str, str, list[float]]],
    span: Span,
    file: Path,
) -> None:
    from matplotlib import rc_context  # noqa: PLC0415 - slow to load
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Names of classes come from producers and are no formulas, whatever `$` they hold.
    with rc_context({"text.parse_math": False, "font.family": "DejaVu Sans", "font.size": 8}):
        figure = Figure(figsize=(8.4, 3.0), dpi=100, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.subplots()
        _draw_lines(axes, panel, lines, span)
        for name, colour, moments in events:
            for place, moment in enumerate(moments):
                label = name.lower() if place == 0 else None
                minutes = (moment - span.start_s) / 60
                axes.axvline(minutes, color=colour, alpha=0.8, linewidth=1.0, linestyle=":", label=label)
        axes.set_title(panel["title"], loc="left", fontsize=9, fontweight="bold")
        axes.set_xlabel("minutes")
        axes.set_xlim(0, (span.end_s - span.start_s) / 60)
        axes.yaxis.set_major_formatter(_written(panel["fieldConfig"]["defaults"]["unit"]))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        canvas.draw()
        _save(Image.fromarray(np.asarray(canvas.buffer_rgba())), file)


def _save(image: Image.Image, file: Path) -> None:
    """Write a picture of lines and text in 64 colours: a third of the bytes, and no eye sees it."""
    image.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(file, optimize=True)


def _draw_lines(axes: Any, panel: dict[str, Any], lines: Sequence[Series], span: Span) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    bars = defaults["custom"].get("drawStyle") == "bars"
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    times = [span.start_s + place * span.step_s for place in range(int((span.end_s - span.start_s) / span.step_s) + 1)]
    minutes = [(time - span.start_s) / 60 for time in times]
    rows = [(line.name, _on(times, line)) for line in lines if any(value > 0 for value in line.values) or not stacked]
    colours = {name: OUTCOMES[name] for name, _ in rows if name in OUTCOMES}
    below = [0.0] * len(times)
    for name, values in rows:
        filled = [0.0 if math.isnan(value) else value for value in values]
        if bars:
            axes.bar(minutes, filled, bottom=below, width=0.8 * span.step_s / 60, label=name, color=colours.get(name))
        elif stacked:
            top = [low + value for low, value in zip(below, filled, strict=True)]
            axes.fill_between(minutes, below, top, label=name, alpha=0.6, linewidth=0.5)
        else:
            axes.plot(minutes, values, label=name, linewidth=1.3, marker="." if _lonely(values) else None)
        if bars or stacked:
            below = [low + value for low, value in zip(below, filled, strict=True)]
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=1.02 * max(defaults.get("max", 0), defaults["custom"].get("axisSoftMax", 0), axes.get_ylim()[1]))
    for step in defaults["thresholds"]["steps"]:
        if defaults["custom"].get("thresholdsStyle") and step["value"] is not None:
            axes.axhline(step["value"], color=COLOURS[step["color"]], linestyle="--", linewidth=1, label="objective")


def _on(times: Sequence[float], line: Series) -> list[float]:
    known = {round(time): value for time, value in zip(line.times_s, line.values, strict=True)}
    return [known.get(round(time), math.nan) for time in times]


def _lonely(values: Sequence[float]) -> bool:
    return sum(not math.isnan(value) for value in values) < len(values) / 4


def _written(unit: str) -> Callable[[float, float], str]:
    """Return how an axis writes a value of a unit, as Grafana does."""
    return {"percentunit": _percent, "s": _seconds, "reqps": _requests}.get(unit, _plain)


def _percent(value: float, _place: float) -> str:
    return f"{value:.0%}"


def _requests(value: float, _place: float) -> str:
    return f"{value:g} req/s"


def _plain(value: float, _place: float) -> str:
    return f"{value:,g}"


def _seconds(value: float, _place: float) -> str:
    if value == 0 or value >= 1:
        return f"{value:g} s" if value < 600 else f"{value / 60:g} min"
    return f"{value * 1000:g} ms"


if __name__ == "__main__":
    address, start, end, into, *scrape = sys.argv[1:]
    for drawn in draw_all(address, float(start), float(end), Path(into), *map(int, scrape)):
        sys.stdout.write(f"{drawn}\n")
