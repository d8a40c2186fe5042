"""Puts the page together: facts and charts into one HTML text that needs nothing else."""

from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.report import charts
from daemon.report.answers import HeldOut, VersionAnswers, confusion, elsewhere, most_wrong
from daemon.report.history import TAKEN, History, forgetting
from daemon.report.pictures import data_uri, png_uri
from daemon.report.timeline import Timeline
from daemon.version import VERSION
from daemon.words import clock_time, counted
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
    drawn = _drawn_classes(history)
    return {
        "model": report.model,
        "made_at": report.made_at,
        "tidemill": VERSION,
        "champion": history.champion.manifest,
        "published_at": clock_time(history.champion.published_at_ms),
        "newest": history.versions[-1].version,
        "versions": counted(len(history.versions), "version"),
        "undone": sum(one.version in history.undone for one in history.versions),
        "rounds": counted(len(history.rounds), "round"),
        "outcomes": dict(Counter(one.outcome.value for one in history.rounds)),
        "taken": {kind.replace("_", " "): sum(one.taken[kind] for one in history.rounds) for kind in TAKEN},
        "charts": _charts(report, drawn),
        "forgotten": _forgotten(history),
        "rollbacks": _rollbacks(history),
        "left": [{"name": name, "fate": fate} for name, fate in sorted(history.left.items())],
        "refused": _refused(history),
        "pairs": _pairs(report),
        "wrong": _wrong(report),
        "held_out": counted(len(report.held_out), "held-out sample"),
        "compared": [one.version for one in report.answers],
        "classes_drawn": len(drawn),
        "classes_known": len(history.classes),
    }


def _charts(report: Report, drawn: list[str]) -> dict[str, str]:
    history = report.history
    timeline = Timeline.of(history)
    numbers = [version.version for version in history.versions]
    grid = history.accuracy_by_class()
    rows = [history.classes.index(name) for name in drawn]
    labels = [f"{name} ({history.left[name]})" if name in history.left else name for name in drawn]
    found = {
        "accuracy": charts.accuracy_over_versions(numbers, history.accuracy(), _mean_lost(history), timeline),
        "classes": charts.classes_over_versions(numbers, labels, grid[rows], timeline),
        "rounds": charts.rounds_taken(history.rounds),
    }
    known = [name for name in drawn if name not in history.left]
    if len(report.held_out) and report.answers and known:
        pairs = [(f"version {one.version}", _matrix(report, one, known)) for one in report.answers]
        found["confusion"] = charts.confusions(known, pairs)
    return {name: data_uri("image/svg+xml", svg.encode()) for name, svg in found.items()}


def _matrix(report: Report, answers: VersionAnswers, known: list[str]) -> NDArray[np.int64]:
    """Return the confusions, with a last column for all other answers where there are any."""
    counts = confusion(answers, report.held_out.labels, known, report.history.aliases)
    rest = elsewhere(counts, report.held_out.labels, known)
    return np.column_stack((counts, rest)) if rest.any() else counts


def _mean_lost(history: History) -> NDArray[np.float64]:
    """Return [versions], the mean forgetting of those that the champion came from; NaN for the others.

    Over the champion's classes: one that left is not forgotten.
    """
    past = history.past
    lost = np.full(len(history.versions), np.nan)
    grid = forgetting(history.accuracy_by_class()[: len(history.known), past])
    for place, column in zip(past, grid.T, strict=True):
        lost[place] = np.nanmean(column) if np.isfinite(column).any() else np.nan
    return lost


def _drawn_classes(history: History) -> list[str]:
    """Return the classes to draw: all, or those that the champion is worst at, in the order of the head."""
    classes = history.classes
    if len(classes) <= CLASSES_DRAWN_MAX:
        return list(classes)
    now = history.accuracy_by_class()[: len(history.known), history.past[-1]]
    worst = np.argsort(np.where(np.isfinite(now), now, 2.0), kind="stable")[:CLASSES_DRAWN_MAX]
    return [classes[index] for index in sorted(worst)]


def _forgotten(history: History) -> list[dict[str, Any]]:
    """Return the champion's classes that it is furthest below their best so far in its own past, worst first."""
    rows = []
    past = history.past
    grid = history.accuracy_by_class()[: len(history.known), past]
    for name, scores in zip(history.known, grid, strict=True):
        if not np.isfinite(scores[-1]):
            continue
        best = int(np.nanargmax(scores))
        points = 100 * float(scores[best] - scores[-1])
        if points > 0:
            rows.append({"name": name, "now": scores[-1], "best": scores[best], "points": points})
            rows[-1]["version"] = history.versions[past[best]].version
    return sorted(rows, key=lambda row: (-row["points"], row["name"]))[:PAIRS_MAX]


def _rollbacks(history: History) -> list[dict[str, Any]]:
    """Return the newest rollbacks, newest first."""
    rows = [{"at": clock_time(one.at_ms), "from": one.came_from, "to": one.to} for one in history.rollbacks]
    return rows[-REFUSED_MAX:][::-1]


def _refused(history: History) -> list[dict[str, Any]]:
    """Return the newest rounds that published nothing, newest first."""
    rows = [
        {
            "round": one.number,
            "at": clock_time(one.committed_ms),
            "outcome": one.outcome.value,
            "reason": one.reason,
        }
        for one in history.rounds
        if one.outcome is not Outcome.PUBLISHED
    ]
    return rows[-REFUSED_MAX:][::-1]


def _champions(report: Report) -> VersionAnswers | None:
    """Return the champion's answers; None where its file could not be asked."""
    return next((one for one in report.answers if one.version == report.history.champion.version), None)


def _pairs(report: Report) -> list[dict[str, Any]]:
    """Return the pairs of label and answer that the champion takes for each other most often."""
    champion = _champions(report)
    if champion is None:
        return []
    labels, known = report.held_out.labels, set(report.history.known)
    wrong = Counter((a, b) for a, b in zip(labels, champion.predicted, strict=True) if a != b and a in known)
    of = Counter(labels)
    most = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:PAIRS_MAX]
    return [
        {"label": label, "taken": taken, "count": count, "share": count / of[label]} for (label, taken), count in most
    ]


def _wrong(report: Report) -> list[dict[str, Any]]:
    """Return what the champion answers wrong most surely; a label that it does not know it cannot answer."""
    champion, held_out = _champions(report), report.held_out
    if champion is None:
        return []
    known = set(report.history.known)
    sure = most_wrong(champion, held_out.labels, len(held_out))
    places = [place for place in sure if held_out.labels[place] in known][: report.wrong_images]
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
