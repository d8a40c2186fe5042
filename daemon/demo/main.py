"""The demo from start to end: extras, working folder, the show, the account, the exit status."""

import logging
import threading
import time
from collections.abc import Callable

from rich.console import Console

from daemon.demo.display import display_for
from daemon.demo.extras import require_extras
from daemon.demo.picture import draw_accuracy
from daemon.demo.plan import Plan
from daemon.demo.report import print_report, write_table
from daemon.demo.show import Show
from daemon.demo.verdict import in_time, judge, kept
from daemon.demo.workplace import open_workplace
from daemon.errors import OperatorError
from daemon.local.process import LocalServerFailedError, LocalServerMissingError

DONE, BROKEN, INTERRUPTED = 0, 1, 130


def run_demo(plan: Plan, console: Console, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> int:
    """Run the demo; return 0 when every promise was kept, 1 when not, 130 when `stop` came before the end.

    With `plan.keep`, `stop` after the promises were kept is the end. Raises OperatorError.
    """
    began = clock()

    def elapsed_s() -> float:
        return clock() - began

    require_extras()
    # The producer's client warns of a slow machine, through the middle of the picture on the terminal.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    with open_workplace(plan.folder) as place:
        try:
            view = Show(plan, place, console, stop, elapsed_s).run(display_for(console))
        except (LocalServerMissingError, LocalServerFailedError) as error:
            raise OperatorError("", str(error), "`make setup` installs all that the demo needs") from error
        if stop.is_set() and not view.complete:
            console.print(f"Interrupted; everything has stopped. What there was lies in {plan.folder}.", soft_wrap=True)
            return INTERRUPTED
        if view.versions:
            draw_accuracy(view.versions, place.picture)
        findings = judge(view, plan.promises)
        if not plan.keep:
            findings.append(in_time(elapsed_s(), plan.promises))
        write_table(view, findings, place)
        print_report(console, view, findings, place)
    return DONE if kept(findings) else BROKEN
