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

from model.durable import make_folder, replace_durably, sync_folder
from model.publishing.errors import MailboxFullError
from model.publishing.layout import ModelPaths

ASKED = ".json"
ANSWERED = ".answer"
BYTES_MAX = 4_096
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: done, or refused and nothing changed. `text` says it in one line."""

    done: bool
    text: str


class Mailbox:
    """The requests of one model. Any number may ask; the learner alone answers. Every method raises OSError."""

    def __init__(self, root: Path, model: str) -> None:
        self._folder = ModelPaths(root, model).requests

    def ask(self, kind: str, arguments: Mapping[str, object], now_ms: int) -> str:
        """Leave a request, durably; return its id. Raises MailboxFullError."""
        make_folder(self._folder)
        if len(self._names(ASKED)) >= WAITING_MAX:
            raise MailboxFullError(f"{WAITING_MAX} requests wait for the learner already: see that it runs")
        name = f"{now_ms:013d}-{uuid.uuid4().hex}"
        text = json.dumps({"kind": kind, "arguments": dict(arguments), "asked_at_ms": now_ms})
        replace_durably(self._folder / f"{name}{ASKED}", text.encode())
        return name

    def answer(self, request: str) -> Answer | None:
        """Return the answer to a request, None while there is none. Raises ValueError for one that cannot be read."""
        try:
            value = json.loads((self._folder / f"{request}{ANSWERED}").read_bytes())
        except FileNotFoundError:
            return None
        return Answer(bool(value["done"]), str(value["text"]))

    def waits(self, request: str) -> bool:
        """Tell whether a request waits for its answer."""
        return (self._folder / f"{request}{ASKED}").is_file()

    def letters(self) -> list[Letter]:
        """Return the requests that wait, in the order in which they were asked."""
        return [self._read(name) for name in self._names(ASKED)[:WAITING_MAX]]

    def reply(self, request: str, answer: Answer) -> None:
        """Answer a request and take it out. The newest answers are kept. Safe to repeat."""
        replace_durably(self._folder / f"{request}{ANSWERED}", json.dumps(asdict(answer)).encode())
        (self._folder / f"{request}{ASKED}").unlink(missing_ok=True)
        for name in self._names(ANSWERED)[:-ANSWERS_KEPT]:
            (self._folder / f"{name}{ANSWERED}").unlink(missing_ok=True)
        sync_folder(self._folder)

    def _names(self, suffix: str) -> list[str]:
        """Return the names with a suffix, oldest first by the file system's clock: a name bears its asker's own."""
        found: list[tuple[int, str]] = []
        with contextlib.suppress(FileNotFoundError):
            for one in self._folder.iterdir():
                if one.name.endswith(suffix):
                    with contextlib.suppress(FileNotFoundError):  # answered, or let go, meanwhile
                        found.append((one.stat().st_mtime_ns, one.name.removesuffix(suffix)))
        return [name for _, name in sorted(found)]

    def _read(self, name: str) -> Letter:
        file = self._folder / f"{name}{ASKED}"
        try:
            value = json.loads(file.read_bytes()) if file.stat().st_size <= BYTES_MAX else {}
            return Letter(name, str(value["kind"]), dict(value["arguments"]), int(value["asked_at_ms"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return Letter(name, "", {}, 0)
