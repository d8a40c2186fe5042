"""Runs the parts of the proof that were asked for, each on its own servers; writes the report whatever happens."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import points, steps
from tests.chaos.report import Report
from tests.chaos.same import Twins
from tests.chaos.screen import Screen
from tests.chaos.site import Site
from tests.chaos.storm import Storm, check_growth
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

PARTS = ("steps", "random", "same")
SAME_KILLS = 5
GROWTH_FROM = 100
"""With fewer faults there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. `only`: parts, or named steps; empty: everything."""

    seed: int
    faults: int
    only: tuple[str, ...]
    out: Path
    minutes: float = float("inf")
    """A limit on the faults at random."""
    keep: bool = False
    """Keep logs, state and repository also where all went well."""

    def wants(self, part: str) -> bool:
        """Return whether a part is to be run."""
        return not self.only or part in self.only or (part == "steps" and bool(self.chosen_steps))

    @property
    def chosen_steps(self) -> Sequence[str]:
        """The named steps to kill at."""
        named = [one for one in self.only if one in points.ALL]
        return named or (points.ALL if not self.only or "steps" in self.only else ())

    def command(self, *only: str) -> str:
        """Return the command that runs a part of this again."""
        chosen = "".join(f" --only {one!r}" if " " in one else f" --only {one}" for one in only)
        return f"python -m tests.chaos --seed {self.seed} --faults {self.faults}{chosen}"


def run(plan: Plan) -> Report:
    """Run, and return what was found; `failure` says what was not as promised. The report is written to `plan.out`."""
    report = Report(plan.seed)
    began = time.monotonic()
    total = (len(plan.chosen_steps) if plan.wants("steps") else 0) + (plan.faults if plan.wants("random") else 0)
    parts: dict[str, Callable[[Plan, Report, Screen], None]] = {"steps": _steps, "random": _random, "same": _same}
    with Screen(total, report) as screen:
        for name, part in parts.items():
            if not plan.wants(name):
                continue
            try:
                part(plan, report, screen)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has failed, and says how to repeat it
                report.failure = f"{type(error).__name__}: {error}"
                report.command = plan.command(*(plan.only or (name,)))
                break
            finally:
                report.seconds = time.monotonic() - began
                report.write(plan.out)
    return report


@contextmanager
def _servers(plan: Plan, name: str) -> Iterator[tuple[Path, KafkaServer, RedisServer]]:
    """A folder, a broker and a Redis for one part. The folder moves to `out` where the part fails."""
    folder = Path(tempfile.mkdtemp(prefix=f"tidemill-chaos-{name}-"))
    kafka, redis = KafkaServer(), RedisServer()
    keep = True
    try:
        kafka.start()
        redis.start()
        yield folder, kafka, redis
        keep = plan.keep
    finally:
        kafka.close()
        redis.close()
        if keep:
            shutil.rmtree(plan.out / name, ignore_errors=True)
            shutil.move(folder, plan.out / name)
        else:
            shutil.rmtree(folder)


def _steps(plan: Plan, report: Report, screen: Screen) -> None:
    with (
        _servers(plan, "steps") as (folder, kafka, redis),
        Site(folder, kafka, redis, seed=plan.seed, rate=steps.RATE, settings=steps.SETTINGS, say=screen.say) as site,
    ):
        steps.kill_at_each(site, plan.chosen_steps, plan.seed, report)
        report.totals["at every step"] = site.check_at_rest()


def _random(plan: Plan, report: Report, screen: Screen) -> None:
    with (
        _servers(plan, "random") as (folder, kafka, redis),
        Site(folder, kafka, redis, seed=plan.seed, say=screen.say) as site,
    ):
        Storm(site, plan.faults, plan.seed, report, plan.minutes * 60).run()
        report.totals["at random"] = site.check_at_rest()
        if report.count >= GROWTH_FROM:
            check_growth(site, report)


def _same(plan: Plan, report: Report, screen: Screen) -> None:
    with _servers(plan, "same") as (folder, kafka, redis):
        report.same = Twins(folder, kafka, redis, plan.seed, say=screen.say).run(SAME_KILLS)
