"""Asks the learner to change something: leaves a request, and waits for its answer."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from daemon.cli.state import open_ledger
from daemon.config import Config
from daemon.errors import OperatorError

if TYPE_CHECKING:
    from model.store.requests import Event

POLL_S = 0.1
WAIT_S = 30.0
"""Long enough for a round to end, as a rule."""

Found = TypeVar("Found")
Wait = Annotated[float, typer.Option("--wait", metavar="S", min=0.0, help="Seconds to wait for the learner's answer.")]


def ask(
    config: Config,
    kind: str,
    arguments: Mapping[str, object],
    wait_s: float,
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> "Event":
    """Leave a request in `paths.state` and return its event. Raises OperatorError when refused or not yet answered."""
    from model.store.requests import leave_request  # noqa: PLC0415 - only where needed, for a quick --help

    with open_ledger(config) as ledger:
        request = leave_request(config.paths.state, kind, arguments, now_ms())
        event = await_answer(lambda: ledger.event(request), wait_s, clock=clock, sleep=sleep)
    check_done(event.answer, done=event.done)
    return event


def await_answer(
    look: Callable[[], Found | None],
    wait_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Found:
    """Return what `look` finds within `wait_s` seconds. Raises OperatorError when that is nothing."""
    deadline = clock() + wait_s
    while (found := look()) is None:
        if clock() >= deadline:
            cure = "It is carried out as soon as a learner runs and ends its round; or wait longer with --wait"
            raise OperatorError("", f"the request was left, but not answered within {wait_s:g} s", cure)
        sleep(POLL_S)
    return found


def check_done(answer: str, *, done: bool) -> None:
    """Raise OperatorError with the learner's words where it refused."""
    if not done:
        raise OperatorError("", f"the learner refused: {answer}", "Nothing was changed")
