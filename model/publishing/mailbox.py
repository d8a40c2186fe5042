"""Requests to the learner from those who share only the repository with it, and its answers. Light; loads no torch.

`<model>/.requests/<id>.json` asks, `<id>.answer` beside it answers. Whoever asks writes the first, once and whole; the
learner writes the second, then deletes the first.
"""

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.durable import SHARED_FILE, SHARED_FOLDER, make_folder, replace_durably, sync_folder
from model.letters import Unfit, clear_way, fit_entries, parse_json, read_letter, remove_unfit
from model.publishing.errors import MailboxFullError
from model.publishing.layout import ModelPaths
from model.untrusted import read_plain

ASKED = ".json"
ANSWERED = ".answer"
BYTES_MAX = 4_096
ANSWER_BYTES_MAX = 65_536
WAITING_MAX = 64
"""Requests that may wait: a learner that is down must not be buried."""
ANSWERS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A request that waits. `kind` is empty where the file could not be read; `id` sorts by when it was asked."""

    id: str
    kind: str
    arguments: dict[str, Any]
    asked_at_ms: int
    why_not: str = ""
    """Where `kind` is empty: what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: done, or refused and nothing changed. `text` says it in one line."""

    done: bool
    text: str


class Mailbox:
    """The requests of one model. Any number may ask; the learner alone answers. Every method raises OSError."""

    def __init__(self, root: Path, model: str) -> None:
        self._folder = ModelPaths(root, model).requests

    @property
    def folder(self) -> Path:
        """Where the requests and answers lie."""
        return self._folder

    def ask(self, kind: str, arguments: Mapping[str, object], now_ms: int) -> str:
        """Leave a request, durably; return its id. Raises MailboxFullError."""
        make_folder(self._folder, SHARED_FOLDER)
        if len(self._names(ASKED)) >= WAITING_MAX:
            raise MailboxFullError(f"{WAITING_MAX} requests wait for the learner already: see that it runs")
        name = f"{now_ms:013d}-{uuid.uuid4().hex}"
        text = json.dumps({"kind": kind, "arguments": dict(arguments), "asked_at_ms": now_ms})
        replace_durably(self._folder / f"{name}{ASKED}", text.encode(), mode=SHARED_FILE)
        return name

    def answer(self, request: str) -> Answer | None:
        """Return the answer to a request, None while there is none. Raises ValueError for one that cannot be read."""
        try:
            value = parse_json(read_plain(self._folder / f"{request}{ANSWERED}", ANSWER_BYTES_MAX))
        except FileNotFoundError:
            return None
        if not isinstance(value, dict) or type(value.get("done")) is not bool or not isinstance(value.get("text"), str):
            raise ValueError(f"{self._folder / request}{ANSWERED} is no answer of a learner")
        return Answer(value["done"], value["text"])

    def waits(self, request: str) -> bool:
        """Tell whether a request waits for its answer."""
        return request in self._names(ASKED)

    def letters(self) -> list[Letter]:
        """Return the requests that wait, in the order in which they were asked. What is no regular file is none."""
        found = (self._read(name) for name in self._names(ASKED)[:WAITING_MAX])
        return [one for one in found if one is not None]

    def remove_unfit(self) -> list[Unfit]:
        """Take what is no letter out of the letters' way; return what it was."""
        try:
            return remove_unfit(self._folder, ASKED)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            became = "until it is deleted nobody can ask over the repository"
            return [Unfit(self._folder.name, "it is a link or a file, and no folder", became)]

    def reply(self, request: str, answer: Answer) -> None:
        """Answer a request and take it out. The newest answers are kept. Safe to repeat."""
        for name in (f"{request}{ANSWERED}", f"{request}{ANSWERED}.tmp"):
            one = self._folder / name
            if one.is_dir() and not one.is_symlink():  # it would stop the answer
                clear_way(self._folder, name)
        data = json.dumps(asdict(answer)).encode()
        replace_durably(self._folder / f"{request}{ANSWERED}", data, mode=SHARED_FILE)
        (self._folder / f"{request}{ASKED}").unlink(missing_ok=True)
        for name in self._names(ANSWERED)[:-ANSWERS_KEPT]:
            (self._folder / f"{name}{ANSWERED}").unlink(missing_ok=True)
        sync_folder(self._folder)

    def _names(self, suffix: str) -> list[str]:
        """Return the names with a suffix, oldest first by the file system's clock: a name bears its asker's own."""
        found: list[tuple[int, str]] = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = [(state.st_mtime_ns, name) for name, state in fit_entries(self._folder, suffix)]
        return [name for _, name in sorted(found)]

    def _read(self, name: str) -> Letter | None:
        try:
            said = read_letter(self._folder / f"{name}{ASKED}", BYTES_MAX)
        except FileNotFoundError:
            return None
        except ValueError as error:
            return Letter(name, "", {}, 0, str(error))
        return Letter(name, said.kind, said.arguments, said.asked_at_ms)
