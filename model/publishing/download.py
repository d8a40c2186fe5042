"""Fetches one immutable file over HTTP: goes on where it was cut, and replaces the old file only by the right bytes."""

import errno
import glob
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from model.durable import file_sha256, sync_folder
from model.publishing.errors import PullError, TargetError

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)\Z")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file at `url`: its length in bytes, its sha256 as hex digits, which is also its ETag."""

    url: str
    bytes: int
    sha256: str


def download(
    client: httpx.Client, wanted: Wanted, target: Path, *, timeout: httpx.Timeout, late: Callable[[], bool]
) -> None:
    """Bring `wanted` to `target`, durably and at once. What came before an error is kept for the next call.

    `late()` is asked after each chunk, and True ends the transfer. Raises PullError; `target` is then as it was.
    """
    part = target.with_name(f".{target.name}.{wanted.sha256[:32]}.part")
    try:
        _forget_others(part, target)
        if _size(part) != wanted.bytes:
            _transfer(client, wanted, part, timeout=timeout, late=late)
        _check(part, wanted)
        part.replace(target)
        sync_folder(target.parent)
    except httpx.HTTPError as error:
        raise PullError(f"{wanted.url}: {type(error).__name__}: {error}") from error
    except OSError as error:
        raise TargetError(f"{target} cannot be written: {error}") from error


def check_target(target: Path) -> None:
    """Raise TargetError where `target` can surely not be replaced: its folder is missing or closed, or it is one."""
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise TargetError(f"{target} cannot be written: {error.strerror or error}") from error


def _forget_others(part: Path, target: Path) -> None:
    for other in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        if other != part:
            other.unlink()


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _transfer(
    client: httpx.Client, wanted: Wanted, part: Path, *, timeout: httpx.Timeout, late: Callable[[], bool]
) -> None:
    have = _size(part)
    if have > wanted.bytes:
        part.unlink()
        have = 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": f'"{wanted.sha256}"'}
    with client.stream("GET", wanted.url, headers=headers, timeout=timeout) as answer:
        if answer.status_code == 200:
            have = 0
        elif not _goes_on(answer, have):
            if answer.status_code in (206, 416):
                part.unlink(missing_ok=True)
            raise PullError(f"{wanted.url} answered {answer.status_code}")
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            # as it comes: collected into larger pieces, the last one would be lost where the transfer is cut
            for chunk in answer.iter_raw():
                have += len(chunk)
                if have > wanted.bytes:
                    break
                file.write(chunk)
                if late():
                    raise PullError(f"{wanted.url}: {have} of {wanted.bytes} bytes came in the time allowed")
            file.flush()
            os.fsync(file.fileno())
    if have < wanted.bytes:
        raise PullError(f"{wanted.url}: cut after {have} of {wanted.bytes} bytes")
    if have > wanted.bytes:
        part.unlink()
        raise PullError(f"{wanted.url} sends more than the {wanted.bytes} bytes of its manifest")


def _goes_on(answer: httpx.Response, have: int) -> bool:
    found = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    return answer.status_code == 206 and found is not None and int(found[1]) == have


def _check(part: Path, wanted: Wanted) -> None:
    found = file_sha256(part)
    if found != wanted.sha256:
        part.unlink()
        raise PullError(f"{wanted.url}: its sha256 is {found}, not {wanted.sha256}")
