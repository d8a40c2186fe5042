"""Shows the demo: live on a terminal, as lines elsewhere."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from daemon.demo.board import View
from daemon.demo.lines import news, summary
from daemon.demo.screen import draw

SUMMARY_S = 5.0
"""A line at least so often."""


class Display(Protocol):
    """Shows one view after the other, between entry and exit."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, view: View, elapsed_s: float) -> None:
        """Show the demo as it stands."""
        ...


class LiveDisplay:
    """Draws the screen anew several times a second."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: View, elapsed_s: float) -> None:
        """Draw the view."""
        self._live.update(draw(view, elapsed_s), refresh=True)


class LineDisplay:
    """Writes what is new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._before = View()
        self._written_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, view: View, elapsed_s: float) -> None:
        """Write what happened since the last view, and every few seconds where everything stands."""
        lines = list(news(self._before, view))
        if not lines and elapsed_s - self._written_s >= SUMMARY_S:
            lines = [summary(view)]
        for line in lines:
            self._console.print(f"{elapsed_s:6.1f} s  {line}", markup=False, highlight=False, soft_wrap=True)
            self._written_s = elapsed_s
        self._before = view


def display_for(console: Console) -> Display:
    """Return what suits the console."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)
