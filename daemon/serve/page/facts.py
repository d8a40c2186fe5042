"""What the page shows of a model, gathered from the repository: versions, champion, and the learner's `status.json`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daemon.serve.catalogue import PAGE, VersionLine, line_of, list_versions
from daemon.serve.page import words
from daemon.serve.page.charts import Point, accuracy_chart, sparkline
from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import ModelPaths
from model.publishing.learner_status import LearnerStatus, RoundPast, read_status
from model.publishing.reader import Champion, RepositoryReader

CLASSES_MAX = 24
"""Classes that the page shows, the worst first; the API has all."""
STALE_TIMES = 6
"""A status that was to be replaced so often and was not is stale."""
STALE_S_MIN = 30.0
FollowersOf = Callable[[str], Mapping[str, int]]
"""Of a model: how many clients asked with which version (as text; `older` for the rest) in the last minutes."""


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A class over the versions, oldest first; `change` is against the version before, in points."""

    name: str
    n: int | None
    accuracy: float | None
    change: float | None
    chart: str
    shares: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template shows."""

    model: str
    models: tuple[str, ...]
    now_ms: int
    champion: Champion | None
    current: VersionLine | None
    versions: tuple[VersionLine, ...]
    """The newest first, retired ones among them."""
    plotted: tuple[VersionLine, ...]
    """Those of which something is known, oldest first."""
    chart: str
    classes: tuple[ClassLine, ...]
    classes_in_all: int
    status: LearnerStatus | None
    status_problem: str
    stale: bool
    followers: Mapping[str, int] | None
    rounds_per_minute: float | None
    records_per_minute: float | None
    trouble: tuple[str, ...] = field(default=())

    @property
    def attention(self) -> int:
        """How many things want a person."""
        return len(self.trouble) + (len(self.status.tasks) if self.status else 0)


def gather(
    paths: ModelPaths,
    reader: RepositoryReader,
    champion: Champion | None,
    models: tuple[str, ...],
    followers: FollowersOf | None,
    now_ms: int,
) -> Page:
    """Return what is to show. Raises BrokenRepositoryError, and OSError."""
    listed = list_versions(reader, champion, None, PAGE).versions
    status, problem = _status(paths)
    stale = status is not None and now_ms - status.written_ms > 1000 * max(STALE_S_MIN, STALE_TIMES * status.every_s)
    plotted = tuple(one for one in reversed(listed) if one.metrics is not None)
    classes = _classes(plotted, champion)
    rounds, records = _pace(status.rounds) if status else (None, None)
    return Page(
        model=paths.model,
        models=models,
        now_ms=now_ms,
        champion=champion,
        current=next((one for one in listed if one.state == "champion"), None) or _line(champion),
        versions=tuple(listed),
        plotted=plotted,
        chart=_chart(plotted),
        classes=tuple(classes[:CLASSES_MAX]),
        classes_in_all=len(classes),
        status=status,
        status_problem=problem,
        stale=stale,
        followers=followers(paths.model) if followers else None,
        rounds_per_minute=rounds,
        records_per_minute=records,
        trouble=tuple(_trouble(status, stale=stale, problem=problem, now_ms=now_ms)),
    )


def _line(champion: Champion | None) -> VersionLine | None:
    return line_of(champion.manifest, is_champion=True) if champion else None


def _status(paths: ModelPaths) -> tuple[LearnerStatus | None, str]:
    try:
        return read_status(paths.status), ""
    except (OSError, BrokenRepositoryError) as error:
        return None, f"The learner's status cannot be read: {error}"


def _trouble(status: LearnerStatus | None, *, stale: bool, problem: str, now_ms: int) -> list[str]:
    if status is None:
        return [problem] if problem else []
    if stale:
        age = words.ago(status.written_ms, now_ms)
        return [f"The learner last wrote {age}: it does not run, or cannot write here. What it says below is of then."]
    return [f"{one.name}: {one.reason}" for one in status.checks if not one.ok]


def _chart(plotted: tuple[VersionLine, ...]) -> str:
    points: list[Point] = [(one.version, one.metrics.accuracy if one.metrics else None) for one in plotted]
    known = [(version, share) for version, share in points if share is not None]
    if not known:
        return ""
    summary = f"Accuracy on held-out samples over {words.count(len(known), 'version')}"
    first, last = known[0], known[-1]
    if len(known) > 1:
        summary += f": {words.percent(first[1])} in version {first[0]}, {words.percent(last[1])} in version {last[0]}"
    return accuracy_chart(points, summary)


def _classes(plotted: tuple[VersionLine, ...], champion: Champion | None) -> list[ClassLine]:
    """Return the champion's classes, the worst first; those of which nothing was held out come last."""
    names = champion.manifest.classes if champion else ()
    found = []
    for name in names:
        shares = tuple(_share(one, name) for one in plotted)
        newest = plotted[-1].metrics if plotted else None
        known = [share for share in shares if share is not None]
        accuracy = known[-1] if known else None
        change = 100 * (known[-1] - known[-2]) if len(known) > 1 else None
        points: list[Point] = [(one.version, share) for one, share in zip(plotted, shares, strict=True)]
        summary = f"{name}: {words.percent(accuracy)} right now"
        n = newest.per_class[name].n if newest and name in newest.per_class else None
        found.append(ClassLine(name, n, accuracy, change, sparkline(points, summary), shares))
    return sorted(found, key=lambda one: (one.accuracy is None, one.accuracy or 0.0, one.name))


def _share(one: VersionLine, name: str) -> float | None:
    score = one.metrics.per_class.get(name) if one.metrics else None
    return score.accuracy if score and score.n else None


def _pace(rounds: tuple[RoundPast, ...]) -> tuple[float | None, float | None]:
    """Return (rounds, records) a minute over the rounds that are listed, newest first; the oldest only dates them."""
    if len(rounds) < 2:
        return None, None
    newest, oldest = (words.moment_ms(one.committed_at) or 0 for one in (rounds[0], rounds[-1]))
    minutes = (newest - oldest) / 60_000
    if minutes <= 0:
        return None, None
    return (len(rounds) - 1) / minutes, sum(one.records for one in rounds[:-1]) / minutes
