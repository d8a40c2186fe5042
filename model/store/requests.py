"""Requests: what others want changed. They leave a file; the learner, the only writer, commits each as an event."""

import heapq
import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model.disk import writing
from model.durable import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, replace_durably, sync_folder
from model.letters import fit_entries, read_letter, remove_unfit
from model.store.database import FILE_NAME, transaction
from model.store.errors import RefusedRequestError, StateUnusableError
from model.store.facts import Json

FOLDER = "requests"
SUFFIX = ".json"
BYTES_MAX = 65_536
"""A request file is never longer."""
ANSWERED_MAX = 64
"""Requests answered between two rounds: who floods the folder does not hold up the learning."""
EVENTS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for. `kind` is empty where the file could not be read."""

    id: str
    """Unique; sorts by when it was asked."""
    kind: str
    arguments: Json
    asked_at_ms: int
    why_not: str = ""
    """Where `kind` is empty: what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class Event:
    """A request that was answered: done, or refused and nothing changed."""

    event: int
    request: Request
    done: bool
    answer: str
    """What was done, or why not, in one line."""
    committed_at_ms: int


Handler = Callable[[sqlite3.Connection, Request, int], str]
"""Carries a request out inside the caller's transaction, at a time in milliseconds; returns the answer.

Raises RefusedRequestError with the reason; what it wrote is then undone. Files outside of the database are not its
business: what follows a commit brings them up to what the database says, also after a crash.
"""


def leave_request(state: Path, kind: str, arguments: Mapping[str, object], now_ms: int) -> str:
    """Write a request file, durably and at once whole; return the request's id. Needs no lock.

    Raises StateUnusableError where no learner has worked, ValueError for arguments that are too long, DiskError.
    """
    if not (state / FILE_NAME).is_file():
        raise StateUnusableError(state, f"no learner has worked there yet ({FILE_NAME} is missing)")
    name = f"{now_ms:013d}-{uuid.uuid4().hex}"
    text = json.dumps({"kind": kind, "arguments": dict(arguments), "asked_at_ms": now_ms}).encode()
    if len(text) > BYTES_MAX:
        raise ValueError(f"a request has {BYTES_MAX} bytes at most, this one {len(text)}")
    with writing(state / FOLDER):
        make_folder(state / FOLDER, PRIVATE_FOLDER)
    # Whoever asks may be root: the learner, whose folder it is, must be able to read it.
    replace_durably(state / FOLDER / f"{name}{SUFFIX}", text, mode=PRIVATE_FILE, as_folder=True)
    return name


def pending_requests(state: Path) -> list[Request]:
    """Return the oldest requests that wait for an answer, in the order in which they were asked. Raises OSError.

    What is no regular file under a request's name is passed over: `take_requests` removes it.
    """
    names = heapq.nsmallest(ANSWERED_MAX, (name for name, _ in fit_entries(state / FOLDER, SUFFIX)))
    return [found for name in names if (found := _read(state / FOLDER / f"{name}{SUFFIX}")) is not None]


def take_requests(state: Path) -> list[Request]:
    """Return `pending_requests`, after what is unfit was taken out of their way. Raises OSError."""
    remove_unfit(state / FOLDER, SUFFIX)
    return pending_requests(state)


def _read(file: Path) -> Request | None:
    name = file.name.removesuffix(SUFFIX)
    try:
        said = read_letter(file, BYTES_MAX)
    except FileNotFoundError:
        return None
    except ValueError as error:
        return Request(name, "", {}, 0, str(error))
    return Request(name, said.kind, said.arguments, said.asked_at_ms)


def answer_request(
    database: sqlite3.Connection, request: Request, handlers: Mapping[str, Handler], now_ms: int
) -> Event | None:
    """Carry the request out and write its event, in one transaction; None if that was done before.

    Raises StateUnavailableError; nothing changed then.
    """
    if find_event(database, request.id) is not None:
        return None
    try:
        with transaction(database):
            answer = _handler(request, handlers)(database, request, now_ms)
            _write_event(database, request, "done", answer, now_ms)
    except RefusedRequestError as error:
        with transaction(database):
            _write_event(database, request, "refused", str(error), now_ms)
    return find_event(database, request.id)


def _handler(request: Request, handlers: Mapping[str, Handler]) -> Handler:
    if not request.kind:
        raise RefusedRequestError(f"the file is not a request{f': {request.why_not}' if request.why_not else ''}")
    if request.kind not in handlers:
        raise RefusedRequestError(f"this learner does not know the request {request.kind!r}")
    return handlers[request.kind]


def _write_event(database: sqlite3.Connection, request: Request, outcome: str, answer: str, now_ms: int) -> None:
    database.execute(
        "INSERT INTO events (request, kind, arguments, asked_at, outcome, answer, committed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (request.id, request.kind, json.dumps(request.arguments), request.asked_at_ms, outcome, answer, now_ms),
    )
    newest = "(SELECT max(event) FROM events)"
    database.execute(f"DELETE FROM events WHERE event <= {newest} - ?", (EVENTS_KEPT,))  # noqa: S608 - a constant


def find_event(database: sqlite3.Connection, request: str) -> Event | None:
    """Return the answer to a request, or None while there is none."""
    query = (
        "SELECT event, request, kind, arguments, asked_at, outcome, answer, committed_at FROM events WHERE request = ?"
    )
    row = database.execute(query, (request,)).fetchone()
    if row is None:
        return None
    return Event(row[0], Request(row[1], row[2], json.loads(row[3]), row[4]), row[5] == "done", row[6], row[7])


def remove_request(state: Path, request: Request) -> None:
    """Delete the file of a request that was answered. Safe to repeat. Raises OSError."""
    (state / FOLDER / f"{request.id}{SUFFIX}").unlink(missing_ok=True)
    sync_folder(state / FOLDER)
