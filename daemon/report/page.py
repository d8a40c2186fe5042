"""Puts the page together: facts and charts into one HTML text that needs nothing else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from daemon.report import charts
from daemon.report.answers import HeldOut, VersionAnswers, confusion, most_wrong
from daemon.report.history import TAKEN, History, forgetting
from daemon.report.pictures import data_uri, png_uri
from daemon.version import VERSION
from model.store.facts import Outcome

CLASSES_DRAWN_MAX = 30
"""Of more classes, those are drawn that the champion is worst at."""
REFUSED_MAX = 50
PAIRS_MAX = 15


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page tells. `answers`: the champion's first, then an earlier version's, where there is one."""

    model: str
    history: History
    held_out: HeldOut
    answers: tuple[VersionAnswers, ...]
    made_at: str
    wrong_images: int


def render(report: Report) -> str:
    """Return the page."""
    import jinja2  # noqa: PLC0415 - an extra

    text = resources.files("daemon.report").joinpath("page.html").read_text(encoding="utf-8")
    # Labels and ids come from producers: everything is escaped.
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text).render(**_facts(report))


def _facts(report: Report) -> dict[str, Any]:
    history = report.history
    champion = history.champion
    grid = history.accuracy_by_class()
    lost = forgetting(grid)
    return {
        "model": report.model,
        "made_at": report.made_at,
        "tidemill": VERSION,
        "champion": champion.manifest,
        "versions": len(history.versions),
        "rounds": len(history.rounds),
        "outcomes": dict(Counter(one.outcome.value for one in history.rounds)),
        "taken": {kind.replace("_", " "): sum(one.taken[kind] for one in history.rounds) for kind in TAKEN},
        "charts": _charts(report, grid, lost),
        "forgotten": _forgotten(history, grid),
        "refused": _refused(history),
        "pairs": _pairs(report),
        "wrong": _wrong(report),
        "held_out": len(report.held_out),
        "compared": [one.version for one in report.answers],
        "classes_drawn": len(_drawn_classes(report)),
        "classes_known": len(history.classes),
    }


def _charts(report: Report, grid: Any, lost: Any) -> dict[str, str]:
    history = report.history
    numbers = [version.version for version in history.versions]
    drawn = _drawn_classes(report)
    rows = [history.classes.index(name) for name in drawn]
    with np.errstate(all="ignore"):
        mean_lost = np.array([np.nanmean(column) if np.isfinite(column).any() else np.nan for column in lost.T])
    found = {
        "accuracy": charts.accuracy_over_versions(numbers, history.accuracy(), mean_lost),
        "classes": charts.classes_over_versions(numbers, drawn, grid[rows]),
        "rounds": charts.rounds_taken(history.rounds),
    }
    if len(report.held_out) and report.answers:
        pairs = [(f"version {one.version}", confusion(one, report.held_out.labels, drawn)) for one in report.answers]
        found["confusion"] = charts.confusions(drawn, pairs)
    return {name: data_uri("image/svg+xml", svg.encode()) for name, svg in found.items()}


def _drawn_classes(report: Report) -> list[str]:
    """Return the classes to draw, in the order of the head: all, or those with the lowest accuracy now."""
    classes = report.history.classes
    if len(classes) <= CLASSES_DRAWN_MAX:
        return list(classes)
    newest = report.history.accuracy_by_class()[:, -1]
    worst = np.argsort(np.where(np.isfinite(newest), newest, 2.0), kind="stable")[:CLASSES_DRAWN_MAX]
    return [classes[index] for index in sorted(worst)]


def _forgotten(history: History, grid: Any) -> list[dict[str, Any]]:
    """Return the classes that the newest version is furthest below their best, worst first."""
    rows = []
    for name, scores in zip(history.classes, grid, strict=True):
        if not np.isfinite(scores[-1]):
            continue
        best = int(np.nanargmax(scores))
        points = 100 * float(scores[best] - scores[-1])
        if points > 0:
            rows.append({"name": name, "now": scores[-1], "best": scores[best], "points": points})
            rows[-1]["version"] = history.versions[best].version
    return sorted(rows, key=lambda row: -row["points"])[:PAIRS_MAX]


def _refused(history: History) -> list[dict[str, Any]]:
    """Return the newest rounds that published nothing, newest first."""
    rows = [
        {"round": one.number, "at": one.committed_at, "outcome": one.outcome.value, "reason": one.reason}
        for one in history.rounds
        if one.outcome is not Outcome.PUBLISHED
    ]
    return rows[-REFUSED_MAX:][::-1]


def _pairs(report: Report) -> list[dict[str, Any]]:
    """Return the pairs of label and answer that the champion takes for each other most often."""
    if not report.answers:
        return []
    labels, predicted = report.held_out.labels, report.answers[0].predicted
    wrong = Counter((a, b) for a, b in zip(labels, predicted, strict=True) if a != b)
    of = Counter(labels)
    return [
        {"label": label, "taken": taken, "count": count, "share": count / of[label]}
        for (label, taken), count in wrong.most_common(PAIRS_MAX)
    ]


def _wrong(report: Report) -> list[dict[str, Any]]:
    if not report.answers:
        return []
    champion, held_out = report.answers[0], report.held_out
    places: Sequence[int] = most_wrong(champion, held_out.labels, report.wrong_images)
    confidence = champion.confidence()
    return [
        {
            "image": png_uri(held_out.pixels_NHWC[place]),
            "label": held_out.labels[place],
            "taken": champion.predicted[place],
            "confidence": float(confidence[place]),
            "id": held_out.ids[place],
            "source": held_out.sources[place],
        }
        for place in places
    ]
