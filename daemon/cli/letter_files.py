"""Dead letters as files: the value as it came, and all else of it as JSON beside it."""

import base64
import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any

from daemon.errors import OperatorError
from streaming.letters import Letter

DIFFER_MAX = 20
"""Files that hold something else are named up to this many."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_TYPES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"BM", "bmp"),
    (b"%PDF-", "pdf"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gz"),
)
_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heif"}


class LetterFiles:
    """Writes into one folder, each file whole or not at all, and never over another."""

    def __init__(self, folder: Path) -> None:
        """Raises OperatorError where the folder cannot be made."""
        self._folder = folder
        self.saved = self.there = self.lost = 0
        self.differ: list[str] = []
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, letter: Letter) -> None:
        """Write a letter. Raises OperatorError where that is not possible."""
        origin, value = letter.origin, letter.record.value
        if _NAME.fullmatch(origin.topic) is None:
            raise OperatorError("kafka.topics", f"{origin.topic!r} cannot be the name of a file", "Rename the topic")
        stem = f"{origin.topic}-{origin.partition}-{origin.offset}"
        # A name with the JSON's ending would meet it.
        name = None if value is None else f"{stem}.{_ending(value)}"
        with self._told():
            wrote = [self._write(name, value)] if name is not None and value is not None else []
            wrote.append(self._write(f"{stem}.json", _sidecar(letter, name)))
        self.lost += bool(letter.lost)
        if any(wrote):
            self.saved += 1
        else:
            self.there += 1

    def _write(self, name: str, data: bytes) -> bool:
        """Return whether the file was written; it is not where one is there, and noted where that holds another."""
        target, aside = self._folder / name, self._folder / f".{name}.{os.getpid()}.tmp"
        try:
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with open(handle, "wb") as out:  # noqa: PTH123 - of a handle that was opened with care
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            # A link, unlike a rename, refuses a name that is taken.
            os.link(aside, target)
        except FileExistsError:
            if (target.is_symlink() or not _holds(target, data)) and len(self.differ) < DIFFER_MAX:
                self.differ.append(name)
            return False
        finally:
            aside.unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def _told(self) -> Any:
        try:
            yield
        except OSError as error:
            raise OperatorError("", f"cannot write to {self._folder}: {error}", "Name another folder") from error


def _holds(file: Path, data: bytes) -> bool:
    return file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data


def _ending(value: bytes) -> str:
    """Return the ending that the bytes call for; of text `txt`, of what is not known `bin`."""
    for start, ending in _TYPES:
        if value.startswith(start):
            return ending
    if value.startswith(b"RIFF") and value[8:12] == b"WEBP":
        return "webp"
    if value[4:8] == b"ftyp":
        return _BRANDS.get(value[8:12], "mp4")
    if value[128:132] == b"DICM":
        return "dcm"
    try:
        text = value[:4096].decode("utf-8", "strict" if len(value) <= 4096 else "ignore")
    except UnicodeDecodeError:
        return "bin"
    return "txt" if value and text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else "bin"


def _sidecar(letter: Letter, name: str | None) -> bytes:
    """Return what the file does not hold. Bytes that are no text stand as {"base64": …}.

    Nothing of it tells a letter from its twin: a record whose letter was delivered twice is one pair of files.
    """
    sender = letter.sender
    told = {
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "message": letter.message,
        "label": sender.label,
        "id": sender.sample_id,
        "source": sender.source,
        "value": {"file": name, "bytes": letter.value_bytes, "sha256": letter.value_sha256 or None},
        "lost": list(letter.lost),
        "loss": letter.loss,
        "key": _text(letter.record.key),
        "headers": [[header, _text(value)] for header, value in letter.record.headers],
    }
    return json.dumps(told, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _text(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
