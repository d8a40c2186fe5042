"""A supervised role as a process of its own, and what it said last."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TextIO

LINES_KEPT = 20
LINE_KEPT_MAX = 100_000
"""More than a line of ours may be: a traceback and a text are bounded (daemon/log_format.py)."""
LINE_CHARS_MAX = 500
FATAL = "Fatal Python error"
"""How the last words begin that a fatal signal leaves."""
_LEVELLED = re.compile(r"^\S+ \[(?:debug|info|warning|error|critical) *\] ")
"""How a line for people begins: time and level."""


class RoleProcess(Protocol):
    """What the supervisor needs of a process."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    def poll(self) -> int | None:
        """Return the exit status, None while it lives; below 0 where a signal ended it."""
        ...

    def terminate(self) -> None:
        """Ask it to stop. Nothing happens where it is gone."""
        ...

    def kill(self) -> None:
        """End it at once, and return when it is gone."""
        ...

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error."""
        ...


Spawn = Callable[[str], RoleProcess]
"""Starts a role by its name. Called in the thread that lives as long as the supervisor: its end would end the role."""


class Spawned:
    """`tidemill ROLE OPTIONS…` in a process group of its own, so that Ctrl-C reaches the supervisor alone.

    What it writes to standard error is passed on to `errors` as it is, and its end is kept. A line that is none of its
    log's, as the stack that a fatal signal leaves, goes to `raw` instead, where that is given.
    """

    def __init__(
        self,
        role: str,
        options: Sequence[str],
        *,
        errors: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        raw: Callable[[str, str], None] | None = None,
    ) -> None:
        """`raw(role, line)` is given for a log in JSON, so that whoever reads it finds an object in each line."""
        self._errors = errors or sys.stderr
        self._role, self._raw = role, raw
        self._fatal = ""
        self._kept: deque[str] = deque(maxlen=LINES_KEPT)
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "daemon.supervisor.child", str(os.getpid()), role, *options],
            stdin=subprocess.DEVNULL,
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        self._reader = threading.Thread(target=self._pass_on, name=f"{role} says", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, None while it lives."""
        return self._process.poll()

    def terminate(self) -> None:
        """Send SIGTERM, and SIGCONT where it is paused."""
        for number in (signal.SIGTERM, signal.SIGCONT):
            self._process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL to it and its group, and wait."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """Return the last line that it wrote; waits a moment for what is still under way."""
        self._reader.join(1.0)
        return self._fatal or next((words_of(line) for line in reversed(self._kept) if line), "it wrote nothing")

    def _pass_on(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                if line.startswith(FATAL):  # what follows are the stacks of all threads
                    self._fatal = line.strip()[:LINE_CHARS_MAX]
                self._kept.append(line.strip()[:LINE_KEPT_MAX])
                if self._raw is not None and _logged(line) is None:
                    if line.strip():
                        self._raw(self._role, line.strip()[:LINE_KEPT_MAX])
                    continue
                self._errors.write(line)
                self._errors.flush()


def words_of(line: str) -> str:
    """Return what a line of a role's log says, without the facts beside it: the event, clipped."""
    event = _logged(line)
    words = str(event.get("event", "")) if event is not None else _LEVELLED.sub("", line)
    return words.strip()[:LINE_CHARS_MAX]


def _logged(line: str) -> dict[str, object] | None:
    """Return the facts of a line of JSON; None for another line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
