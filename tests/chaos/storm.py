"""At random: seeded faults of every part, alone and together, while the topic grows and ingestors join and leave."""

import time
from random import Random

from tests.chaos.faults import EVERYWHERE, SERVERS, Fault, draw_strike, strike
from tests.chaos.process import RoleProcess
from tests.chaos.report import Report, Tally
from tests.chaos.site import Site

SERVERS_FROM = 0.75
"""From this part of the faults on only broker and Redis are struck: what that leaves in the roles adds up."""
PARTITIONS_MAX = 6
WARM_S = 60.0
"""Readings of a life count from here on."""
AGE_S = 20.0
"""Lives are compared with each other at this age."""
RSS_SHARE = 0.1
RSS_BYTES = 24_000_000
"""More than this, and than that share, is growth."""
FILES = 10
"""Connections that come and go with broker and Redis are no growth; those that failed go within seconds."""


class Storm:
    """`faults` of them, all from `seed`. Changes of the cluster happen at fixed parts of the way.

    `seconds` is a limit on the whole: with it the way is so far done as the more advanced of faults and time.
    """

    def __init__(self, site: Site, faults: int, seed: int, report: Report, seconds: float = float("inf")) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._site = site
        self._faults = faults
        self._draw = Random(f"{seed} storm")
        self._report = report
        self._struck = 0
        self._third: RoleProcess | None = None
        self._plan = [
            (0.1, self._add_partition),
            (0.2, self._join),
            (0.35, self._add_class),
            (0.45, self._leave),
            (0.55, self._add_partition),
            (0.65, self._join),
        ]

    def run(self) -> None:
        """Strike until all faults were struck or time is over. Fails at the first thing that is not as promised."""
        while (done := self._done()) < 1:
            while self._plan and done >= self._plan[0][0]:
                self._plan.pop(0)[1]()
            everywhere = done < SERVERS_FROM
            faults = draw_strike(
                self._draw, self._site.cluster, EVERYWHERE if everywhere else SERVERS, self._faults - self._struck
            )
            self._strike(faults)

    def _done(self) -> float:
        return max(self._struck / self._faults, (time.monotonic() - self._began) / self._seconds)

    def _strike(self, faults: list[Fault]) -> None:
        self._struck += len(faults)
        told = ", ".join(f"{one.target} {one.action.value} {one.point}".strip() for one in faults)
        self._site.say(f"fault {self._struck} of {self._faults}: {told}")
        strike(self._site.cluster, faults)
        back = self._site.work.wait_back(self._site.work.mark())
        self._site.check()
        self._report.watch_load()
        for one in faults:
            tally = self._report.faults.setdefault(one.kind, Tally())
            tally.count += 1
            if len(faults) == 1:
                tally.back_s.append(back.all_s)

    def _add_partition(self) -> None:
        if self._site.producer.partitions < PARTITIONS_MAX:
            self._site.producer.partitions = self._site.cluster.add_partition()
            self._report.changes.append(f"a partition was added, {self._site.producer.partitions} now")

    def _add_class(self) -> None:
        label = self._site.producer.add_class()
        self._report.changes.append(f"the class {label} was added")

    def _join(self) -> None:
        cluster = self._site.cluster
        if self._third is None:
            self._third = cluster.add_ingestor()
        else:
            cluster.ingestors.append(self._third)
        self._third.start()
        self._report.changes.append(f"{self._third.name} joined")

    def _leave(self) -> None:
        assert self._third is not None
        status = self._third.stop()
        assert status == 0, f"{self._third.name} left with status {status}:\n{self._third.tail()}"
        # What has left is struck no more, nor missed.
        self._site.cluster.ingestors.remove(self._third)
        self._report.changes.append(f"{self._third.name} left")


def check_growth(site: Site, report: Report) -> None:
    """Memory and open files of the roles did not grow with the number of faults."""
    for role in ("ingest-0", "ingest-1", "learn", "serve"):
        for growth in (site.vitals.within_a_life(role, WARM_S), site.vitals.across_lives(role, AGE_S)):
            if growth is None:
                continue
            report.growth.append(growth)
            more = growth.rss_late - growth.rss_early
            assert more <= max(RSS_SHARE * growth.rss_early, RSS_BYTES), f"memory grew: {growth}"
            assert growth.files_late - growth.files_early <= FILES, f"open files grew: {growth}"
