"""Whether the demo kept what it promises."""

from dataclasses import dataclass

from daemon.demo.board import View
from daemon.demo.plan import Promises


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise, and whether it was kept."""

    kept: bool
    text: str


def judge(view: View, promises: Promises) -> list[Finding]:
    """Return what became of each promise that does not need a clock."""
    versions = view.versions
    last = versions[-1].scores if versions else None
    overall = last.overall if last else 0.0
    old = last.old if last else 0.0
    best_old = max((one.scores.old for one in versions), default=0.0)
    dead, spoilt = sum(view.dead.values()), sum(view.spoilt.values())
    return [
        Finding(len(versions) >= promises.versions, f"{len(versions)} versions, at least {promises.versions} promised"),
        Finding(
            overall >= promises.accuracy,
            f"{overall:.1%} of the test set right at the end, at least {promises.accuracy:.0%} promised",
        ),
        Finding(
            bool(versions) and old >= best_old - promises.forgotten,
            f"digits 0 to 4 not forgotten: {old:.1%} right at the end, {best_old:.1%} at best",
        ),
        Finding(
            bool(spoilt) and dict(view.dead) == dict(view.spoilt),
            f"{dead} dead letters of {spoilt} broken records, each with the right reason",
        ),
    ]


def in_time(elapsed_s: float, promises: Promises) -> Finding:
    """Return whether the demo ended in time."""
    return Finding(
        elapsed_s <= promises.seconds, f"ended after {elapsed_s:.0f} s, within {promises.seconds:.0f} s promised"
    )


def kept(findings: list[Finding]) -> bool:
    """Return whether all were kept."""
    return all(finding.kept for finding in findings)
