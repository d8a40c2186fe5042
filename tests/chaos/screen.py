"""What the terminal shows while the proof runs: a line of progress that stays, and above it what has happened."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.chaos.report import Report


class Screen:
    """Live where there is a terminal; elsewhere a line for each thing said."""

    def __init__(self, total: int, report: Report) -> None:
        """`total`: random faults and named steps together."""
        self._console = Console(stderr=True)
        self._report = report
        self._began = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.__exit__(kind, error, at)

    def say(self, text: str) -> None:
        """Show what is done now."""
        self._progress.update(self._task, completed=self._report.count + len(self._report.steps), description=text)
        if not self._console.is_terminal:
            self._console.print(f"{time.monotonic() - self._began:7.1f} s  {text}", highlight=False)
