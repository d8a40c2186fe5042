"""The three roles as processes: `tidemill run` as a child, its log in the working folder."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from daemon.demo.workplace import Workplace
from daemon.errors import OperatorError
from daemon.local.process import LocalProcess

GRACE_S = 25.0
"""What `tidemill run` may take to stop its roles in order."""
READY_S = 60.0
READY_POLL_S = 0.2
WORDS_CHARS_MAX = 300
RUN = "from daemon.cli import main; main()"
DEATH = "role died"
"""The supervisor's event for the death of a role."""
GIVEN_UP = "role given up, the others go on"
"""Its event for a role that it does not start again for now: the demo needs all three."""


class RolesFailedError(OperatorError):
    """`tidemill run` ended, or its roles did not become ready. The message holds the end of the log."""


class Roles:
    """`tidemill run` from now until `stop`; also killed when this process is."""

    def __init__(self, place: Workplace, settings: Mapping[str, Mapping[str, Any]]) -> None:
        place.config.write_text(as_toml(settings), encoding="utf-8")
        flags = [part for text in as_flags(settings) for part in ("--set", text)]
        self._process = LocalProcess([sys.executable, "-c", RUN, "run", *flags], place.logs, grace_s=GRACE_S)
        self._read = self._checked = 0

    @property
    def log(self) -> Path:
        """The file that all roles write to, a JSON object a line."""
        return self._process.log

    def wait_ready(
        self, urls: Mapping[str, str], client: httpx.Client, stop: threading.Event, tell: Callable[[list[str]], None]
    ) -> None:
        """Return once every process answers and those that take records are ready, or `stop` is set.

        `urls` as Addresses.health_urls gives them; `tell` hears which are late. Raises RolesFailedError.
        """
        # `serve` is ready with the first version only; alive is all that can be asked of it now.
        paths = {role: "/livez" if role == "serve" else "/readyz" for role in urls}
        for _ in range(int(READY_S / READY_POLL_S)):
            self.check()
            late = [role for role, url in urls.items() if not _answers(client, url + paths[role])]
            tell(late)
            if not late or stop.wait(READY_POLL_S):
                return
        raise self._failed(f"{' and '.join(late)} did not become ready within {READY_S:.0f} s")

    def check(self) -> None:
        """Raise RolesFailedError when `tidemill run` has ended, or has given up on a role."""
        if not self._process.alive():
            raise self._failed("the roles have ended")
        lines, self._checked = self._lines(self._checked)
        for line in lines:
            if role := given_up_in(line):
                raise self._failed(f"{role} was given up")

    def deaths(self) -> list[str]:
        """Return a line for each role that died since the last call; the supervisor starts it again."""
        lines, self._read = self._lines(self._read)
        return [text for line in lines if (text := death_in(line))]

    def _lines(self, since: int) -> tuple[list[bytes], int]:
        """Return the whole lines of the log from byte `since` on, and where they end."""
        with self.log.open("rb") as log:
            log.seek(since)
            whole, newline, _ = log.read().rpartition(b"\n")
        return whole.splitlines(), since + len(whole) + len(newline)

    def stop(self) -> None:
        """Stop the roles in order; their log stays."""
        self._process.stop(keep_folder=True)

    def _failed(self, what: str) -> RolesFailedError:
        return RolesFailedError(
            "", f"{what}. The end of {self.log}:\n{self._process.log_tail()}\n", "See the log above"
        )


def death_in(line: bytes) -> str | None:
    """Return what to tell people of a line of the log, or None where it tells of no death."""
    event = _event(line)
    if event.get("event") != DEATH:
        return None
    words = str(event.get("last_words", ""))[:WORDS_CHARS_MAX]
    return f"{event.get('died')} died ({event.get('ended_with')}) and is started again. Its last words: {words}"


def given_up_in(line: bytes) -> str | None:
    """Return the role that a line of the log says is given up, or None."""
    event = _event(line)
    return str(event.get("given_up")) if event.get("event") == GIVEN_UP else None


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def as_flags(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the settings as texts for --set: flags beat whatever the environment says."""
    return [
        f"{section}.{key}={value if isinstance(value, str) else json.dumps(value)}"
        for section, keys in settings.items()
        for key, value in keys.items()
    ]


def as_toml(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the settings as TOML. Texts, numbers, truths and lists of texts are written as in JSON."""
    write: Callable[[Any], str] = json.dumps
    sections = (
        "\n".join((f"[{section}]", *(f"{key} = {write(value)}" for key, value in keys.items())))
        for section, keys in settings.items()
    )
    return "\n\n".join(sections) + "\n"
