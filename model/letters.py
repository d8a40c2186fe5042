"""The folders in which others leave letters for the learner, and what a letter may say. Nothing in them is trusted.

A letter is a regular file `<id>.json`. Whatever else stands under such a name is unfit: it is taken out of the way
without being opened or followed, and told by whoever takes it out. Light: loads nothing.
"""

import json
import math
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.durable import sync_folder
from model.untrusted import FOLDER, UnfitFileError, kind_of, read_plain

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,63}\Z")
WHOLE_MAX = 2**63 - 1
"""No number in a letter is beyond what the database holds."""
TIME_MS_MAX = 253_402_300_799_999
"""The end of the year 9999, as far as dates go."""
SHOWN_MAX = 100
"""Characters of a strange name that are told."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """What stood under a letter's name and is none. `name` is made fit for a log."""

    name: str
    why: str
    became: str
    """deleted, moved to another name, or why it still stands in the way."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a letter says."""

    kind: str
    arguments: dict[str, Any]
    asked_at_ms: int


def fit_entries(folder: Path, suffix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (id, its file's state) of what may be read: regular files under a fit name. Raises OSError."""
    with _entries(folder) as entries:
        for entry in entries:
            name = entry.name
            if not name.endswith(suffix) or not _ID.match(name):
                continue
            with suppress(FileNotFoundError):  # answered, or let go, meanwhile
                state = entry.stat(follow_symlinks=False)
                if not kind_of(state.st_mode):
                    yield name.removesuffix(suffix), state


def remove_unfit(folder: Path, suffix: str) -> list[Unfit]:
    """Take what is no letter, but has a letter's suffix, out of the way; return what it was. Raises OSError."""
    found: list[Unfit] = []
    with _entries(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(suffix):
                continue
            try:
                words = kind_of(entry.stat(follow_symlinks=False).st_mode)
            except FileNotFoundError:
                continue
            if words or not _ID.match(entry.name):
                why = f"it is {words}, and no regular file" if words else "its name is none that a request has"
                found.append(Unfit(_shown(entry.name), why, clear_way(folder, entry.name)))
    if found:
        sync_folder(folder)
    return found


@contextmanager
def _entries(folder: Path) -> Iterator[Iterator["os.DirEntry[str]"]]:
    """List the folder itself, not one that a link in its place leads to. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(handle) as entries:
            yield entries
    finally:
        os.close(handle)


def clear_way(folder: Path, name: str) -> str:
    """Delete whatever stands at `name`, a folder with something in it aside; return what became of it, for people.

    Nothing is followed, and nothing within a folder is touched: it may be large, or not ours to delete.
    """
    path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118 - a Path cannot be made of every name
    try:
        if kind_of(os.lstat(path).st_mode) != FOLDER:
            os.unlink(path)  # noqa: PTH108
            return "deleted"
        try:
            os.rmdir(path)  # noqa: PTH106
        except OSError:
            aside = f"refused-{uuid.uuid4().hex}"
            os.rename(path, os.path.join(os.fsencode(folder), aside.encode()))  # noqa: PTH104, PTH118
            return f"moved to {aside} beside it, which may be deleted"
    except FileNotFoundError:
        return "deleted"
    except PermissionError as error:
        return f"it cannot be removed ({error.strerror}): delete it by hand"
    return "deleted"


def read_letter(file: Path, bytes_max: int) -> Content:
    """Return what a letter says. Raises ValueError that says what is wrong with it, FileNotFoundError, and OSError."""
    try:
        data = read_plain(file, bytes_max)
    except UnfitFileError as error:
        raise ValueError(error.why) from error
    except PermissionError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error
    return parse(data)


def parse(data: bytes) -> Content:
    """Return what a letter says. Raises ValueError that says what is wrong with it."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    kind, arguments, asked = value.get("kind"), value.get("arguments"), value.get("asked_at_ms")
    if not isinstance(kind, str) or not _KIND.match(kind):
        raise ValueError("kind is no name of a request")
    if not isinstance(arguments, dict):
        raise ValueError("arguments are no JSON object")
    if type(asked) is not int or not 0 <= asked <= TIME_MS_MAX:
        raise ValueError("asked_at_ms is no number of milliseconds since 1970")
    return Content(kind, arguments, asked)


def parse_json(data: bytes) -> Any:
    """Return the value of a small JSON text, in which every number is finite and fits 64 bits, every text is Unicode.

    Raises ValueError otherwise.
    """
    try:
        value = json.loads(data, parse_constant=_refuse)
        _check(value)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeError as error:
        raise ValueError("a text in it is no Unicode") from error
    return value


def _check(value: Any) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number in it is not finite")
    elif isinstance(value, int) and abs(value) > WHOLE_MAX:
        raise ValueError("a number in it is beyond 64 bits")
    elif isinstance(value, list):
        for one in value:
            _check(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            name.encode()
            _check(one)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _shown(name: str) -> str:
    """Return a name from outside for a log: what is not printable, or no Unicode, is escaped."""
    shown = ascii(name)[1:-1]
    return shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}…"
