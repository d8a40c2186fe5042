"""Shows something again and again: in place on a terminal, one block after the other elsewhere, until Ctrl-C."""

import io
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from daemon.cli.output import out

Show = Callable[[Console], None]
"""Looks anew, and writes what there is to see."""


class Watch:
    """`run` goes on until Ctrl-C or SIGTERM, each of which is an ordinary end."""

    def __init__(
        self,
        show: Show,
        every_s: float,
        *,
        bare: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """A look begins `every_s` seconds after the one before, or when that is over.

        `bare`: nothing is added to what `show` writes, for programs.
        """
        self._bare = bare
        self._show = show
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._now = now

    def run(self) -> None:
        """Look until somebody ends it."""
        # It ends at once, so that nothing needs to be said of it; where one is ignored, it stays so.
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        for one, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(one, signal.default_int_handler)
        console = out()
        try:
            if console.is_terminal and not self._bare:
                with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
                    self._repeat(lambda: live.update(self._page(console), refresh=True))
            else:
                self._repeat(lambda: self._block(console))
        except KeyboardInterrupt:
            return
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _repeat(self, run_once: Callable[[], None]) -> None:
        while True:
            began = self._clock()
            run_once()
            self._sleep(max(0.0, self._every_s - (self._clock() - began)))

    def _page(self, console: Console) -> Text:
        """Return what there is to see now, with the time; lines that are too long are cut, so that each is one."""
        drawn = Console(
            file=io.StringIO(),
            width=console.width,
            force_terminal=True,
            color_system=console.color_system if console.color_system else None,  # type: ignore[arg-type]
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        self._show(drawn)
        drawn.print(f"\n{self._stamp()}, again every {self._every_s:g} s, Ctrl-C ends it", style="dim")
        assert isinstance(drawn.file, io.StringIO)
        page = Text.from_ansi(drawn.file.getvalue())
        page.no_wrap, page.overflow = True, "crop"
        return page

    def _block(self, console: Console) -> None:
        if not self._bare:
            console.print(self._stamp())
        self._show(console)
        if not self._bare:
            console.print()
        console.file.flush()

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%d %H:%M:%S UTC")
