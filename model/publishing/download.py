"""Fetches one immutable file over HTTP: goes on where it was cut, and replaces the old file only by the right bytes."""

import errno
import glob
import os
import re
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from model.durable import file_sha256, sync_folder
from model.publishing.errors import PullError, TargetError
from model.untrusted import open_plain

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)\Z")


class WrongBytesError(PullError):
    """Whole, and not the file that its manifest describes: something on the way keeps another one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file at `url`: its length in bytes, its sha256 as hex digits, which is also its ETag.

    `shown` is how its place is told. `anew`: what came before was wrong, so no cache on the way may answer.
    """

    url: str
    bytes: int
    sha256: str
    shown: str
    anew: bool = False


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
        raise PullError(f"{wanted.shown}: {type(error).__name__}: {error}") from error
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
    """Delete the parts of other versions, and a link or whatever else stands in place of this one's."""
    for other in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        state = other.lstat()
        if stat.S_ISDIR(state.st_mode):
            continue  # not ours; in place of the part itself it is told when that is opened
        if other != part or not _is_ours(state):
            other.unlink()


def _is_ours(state: os.stat_result) -> bool:
    """Return whether it is a plain file that nobody else has a hand in: the folder may be everybody's, as /tmp is."""
    return stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and state.st_nlink == 1


def _size(part: Path) -> int:
    try:
        found = part.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _transfer(
    client: httpx.Client, wanted: Wanted, part: Path, *, timeout: httpx.Timeout, late: Callable[[], bool]
) -> None:
    have = _size(part)
    if have > wanted.bytes:
        part.unlink()
        have = 0
    headers = {"Accept-Encoding": "identity", **({"Cache-Control": "no-cache"} if wanted.anew else {})}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": f'"{wanted.sha256}"'}
    with client.stream("GET", wanted.url, headers=headers, timeout=timeout) as answer:
        if answer.status_code == 200:
            have = 0
        elif not _goes_on(answer, have):
            if answer.status_code in (206, 416):
                part.unlink(missing_ok=True)
            raise PullError(f"{wanted.shown} answered {answer.status_code}")
        with _open_part(part, have) as file:
            # as it comes: collected into larger pieces, the last one would be lost where the transfer is cut
            for chunk in answer.iter_raw():
                have += len(chunk)
                if have > wanted.bytes:
                    break
                file.write(chunk)
                if late():
                    raise PullError(f"{wanted.shown}: {have} of {wanted.bytes} bytes came in the time allowed")
            file.flush()
            os.fsync(file.fileno())
    if have < wanted.bytes:
        raise PullError(f"{wanted.shown}: cut after {have} of {wanted.bytes} bytes")
    if have > wanted.bytes:
        part.unlink()
        raise PullError(f"{wanted.shown} sends more than the {wanted.bytes} bytes of its manifest")


def _open_part(part: Path, have: int) -> BinaryIO:
    """Open the part to write on from byte `have`, or a new one. Raises OSError."""
    if not have:
        part.unlink(missing_ok=True)
    handle = open_plain(part, os.O_WRONLY if have else os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    file = open(handle, "wb")  # noqa: PTH123, SIM115 - of a handle, which is not truncated; the caller closes it
    file.seek(have)
    return file


def _goes_on(answer: httpx.Response, have: int) -> bool:
    found = _CONTENT_RANGE.match(answer.headers.get("content-range", ""))
    return answer.status_code == 206 and found is not None and int(found[1]) == have


def _check(part: Path, wanted: Wanted) -> None:
    found = file_sha256(part)
    if found != wanted.sha256:
        part.unlink()
        raise WrongBytesError(f"{wanted.shown}: its sha256 is {found}, not {wanted.sha256}")
