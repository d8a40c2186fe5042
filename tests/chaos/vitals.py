"""What the roles cost while they are struck: resident memory and open files, from /proc."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from model.store.segments import SEGMENTS_FOLDER
from tests.chaos.cluster import Cluster

EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a process: seconds since it was first seen, resident bytes, open file descriptors."""

    age_s: float
    rss: int
    files: int


@dataclass(frozen=True, slots=True)
class Growth:
    """How a role's cost changed from early to late: medians of resident bytes and of open files."""

    role: str
    rss_early: int
    rss_late: int
    files_early: float
    files_late: float
    readings: int


class Vitals:
    """Reads every role's process each few seconds, by life."""

    def __init__(self, cluster: Cluster) -> None:
        self.lives: dict[tuple[str, int], list[Reading]] = defaultdict(list)
        self._cluster = cluster
        self._born: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def within_a_life(self, name: str, warm_s: float) -> Growth | None:
        """Return the growth over the longest life of a role, from `warm_s` on: first fifth against last fifth."""
        lives = [readings for (role, _), readings in self.lives.items() if role == name]
        longest = max(lives, key=lambda one: one[-1].age_s, default=[])
        return _growth(name, [one for one in longest if one.age_s >= warm_s])

    def across_lives(self, name: str, age_s: float) -> Growth | None:
        """Return the growth over the lives of a role that reached `age_s`, each read at that age."""
        at_age = []
        for (role, _), readings in sorted(self.lives.items(), key=lambda one: one[0][1]):
            old_enough = [one for one in readings if one.age_s >= age_s]
            if role == name and old_enough:
                at_age.append(old_enough[0])
        return _growth(name, at_age)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            for role in self._cluster.roles:
                if role.alive():
                    self._read(role.name, role.lives, role.pid)

    def _read(self, name: str, life: int, pid: int) -> None:
        born = self._born.setdefault(pid, time.monotonic())
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            files = sum(not _is_segment(one) for one in Path(f"/proc/{pid}/fd").iterdir())
            rss = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
        except (OSError, StopIteration):
            return  # it ended this very moment
        self.lives[name, life].append(Reading(time.monotonic() - born, rss, files))


def _is_segment(descriptor: Path) -> bool:
    """Tell whether it is one of the store's segments, of which up to 128 are kept open: their number is the store's."""
    try:
        return f"/{SEGMENTS_FOLDER}/" in str(descriptor.readlink())
    except OSError:
        return False  # closed this very moment


def _growth(role: str, readings: list[Reading]) -> Growth | None:
    part = len(readings) // 5
    if not part:
        return None
    early, late = readings[:part], readings[-part:]
    return Growth(
        role,
        int(median(one.rss for one in early)),
        int(median(one.rss for one in late)),
        median(one.files for one in early),
        median(one.files for one in late),
        len(readings),
    )
