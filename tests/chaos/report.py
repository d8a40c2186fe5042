"""What a run found: counted while it runs, written as JSON and Markdown when it ends."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, median

from tests.chaos.vitals import Growth


@dataclass(frozen=True, slots=True)
class Totals:
    """What went through one part of the run, all of it accounted for: the checks passed."""

    acknowledged: int
    records: int
    rounds: int
    versions: int
    pictures: int
    """Stored once, with their pixels and labels; 0 where the store evicts."""
    dead_letters: int
    dead_letter_twins: int
    pulls: int
    versions_pulled: int


@dataclass(slots=True)
class Tally:
    """One kind of fault: how often, and how long until everything was at work, where nothing else was struck."""

    count: int = 0
    back_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """Everything that a run has to tell."""

    seed: int
    faults: dict[str, Tally] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    """Seconds until everything was at work after a kill at each named step."""
    changes: list[str] = field(default_factory=list)
    """Partitions added, ingestors that joined and left, classes added."""
    totals: dict[str, Totals] = field(default_factory=dict)
    growth: list[Growth] = field(default_factory=list)
    same: int = 0
    """Versions that a killed learner published byte for byte as an undisturbed one did."""
    loads: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failure: str = ""
    command: str = ""

    @property
    def count(self) -> int:
        """Faults struck at random."""
        return sum(tally.count for tally in self.faults.values())

    def watch_load(self) -> None:
        """Note how busy the machine is, for times mean little without it."""
        self.loads.append(os.getloadavg()[0])

    def write(self, folder: Path) -> None:
        """Write report.json and report.md."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """Return the tables, ready for docs/reliability.md."""
        lines = [*self._head(), "", *self._fault_table(), "", *self._total_table()]
        if self.growth:
            lines += ["", *self._growth_table()]
        if self.failure:
            lines += ["", "**Failed:**", "", "```", self.failure[:4_000], "```", "", f"Again: `{self.command}`"]
        return "\n".join(lines) + "\n"

    def _head(self) -> list[str]:
        load = f", load {mean(self.loads):.1f} on average" if self.loads else ""
        machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores{load}"
        outcome = "failed" if self.failure else "all checks passed"
        run = f"{self.count} faults at random and {len(self.steps)} at named steps, {self.seconds / 60:.0f} minutes"
        return [f"Seed {self.seed}, {run}, {machine}: {outcome}."]

    def _fault_table(self) -> list[str]:
        lines = [
            "| fault | times | alone | back at work after: median | longest |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        for kind, tally in sorted(self.faults.items()):
            lines.append(_row(kind, tally.count, tally.back_s))
        if self.steps:
            lines.append(_row("kill -9 at every named step", len(self.steps), list(self.steps.values())))
        return lines

    def _total_table(self) -> list[str]:
        names = list(self.totals)
        if not names:
            return []
        lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
        rows = {
            "records acknowledged": "acknowledged",
            "records learnt or dead-lettered": "records",
            "rounds": "rounds",
            "versions": "versions",
            "pictures stored, each once": "pictures",
            "dead letters": "dead_letters",
            "of these sent twice": "dead_letter_twins",
            "looks at the champion": "pulls",
            "versions pulled, whole": "versions_pulled",
        }
        for title, key in rows.items():
            lines.append(f"| {title} | {' | '.join(f'{getattr(self.totals[name], key):,}' for name in names)} |")
        lines.append(f"| **lost** |{' 0 |' * len(names)}")
        lines.append(f"| **taken in twice** |{' 0 |' * len(names)}")
        return lines

    def _growth_table(self) -> list[str]:
        lines = [
            "| process | resident, early | late | open files, early | late | readings |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for one in self.growth:
            early, late = one.rss_early / 1e6, one.rss_late / 1e6
            files = f"{one.files_early:.0f} | {one.files_late:.0f}"
            lines.append(f"| {one.role} | {early:.0f} MB | {late:.0f} MB | {files} | {one.readings} |")
        return lines


def _row(kind: str, count: int, back_s: list[float]) -> str:
    times = f"{median(back_s):.1f} s | {max(back_s):.1f} s" if back_s else "- | -"
    return f"| {kind} | {count} | {len(back_s)} | {times} |"
