"""At every named step: kill -9 there, restart, go on, check."""

from collections.abc import Sequence
from random import Random

from tests.chaos import points
from tests.chaos.cluster import SIZE
from tests.chaos.report import Report
from tests.chaos.site import Site
from tests.support.roles import eventually

PICTURE_BYTES = 3 * SIZE * SIZE
SETTINGS = {
    "store": {"bytes_max": 400 * PICTURE_BYTES, "segment_compact_below": 0.9},
    "round": {"samples": 64},
}
"""A store so small that it evicts, and segments get compacted."""
RATE = 40.0
"""Records a second: with learners dead half of the time, they must still keep up."""
REACHED_WITHIN_S = 90.0
TIMES_MAX = 2


def kill_at(site: Site, point: str, draw: Random) -> float:
    """Kill the role at the step; return the seconds from its restart until everything was at work again."""
    cluster = site.cluster
    role = cluster.learner if points.role_of(point) == "learn" else cluster.ingestors[0]
    times = 1 if point in points.NEW_CLASS else draw.randint(1, TIMES_MAX)
    role.light(point, times)
    if point in points.NEW_CLASS:
        site.producer.add_class()
    eventually(lambda: not role.alive(), f"{role.name} reached {point!r} {times} times", REACHED_WITHIN_S)
    assert not role.unlight(), f"{role.name} ended by itself before {point!r}:\n{role.tail()}"
    mark = site.work.mark()
    role.start()
    back = site.work.wait_back(mark)
    site.check()
    return back.all_s


def kill_at_each(site: Site, chosen: Sequence[str], seed: int, report: Report) -> None:
    """Kill at each of the chosen steps, one after the other.

    Those that need a new class come first: later a class has to wait behind all that gathered while learners were dead.
    """
    ordered = sorted(chosen, key=lambda point: point not in points.NEW_CLASS)
    for number, point in enumerate(ordered, 1):
        site.say(f"step {number} of {len(chosen)}: {point}")
        report.steps[point] = kill_at(site, point, Random(f"{seed} {point}"))
        report.watch_load()
