"""Exports an architecture once, in a child process: torch's exporter leaks memory and takes seconds."""

import contextlib
import errno
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

import torch
from torch import nn

from model.disk import DiskError, is_full, writing
from model.learning.errors import StoppedError
from model.publishing.errors import ExportError, UnmappableError
from model.publishing.export_child import DISK, NETWORK, REFUSAL, TEMPLATE, Request
from model.publishing.template import Template

TIMEOUT_S = 600.0
TEMPLATE_BYTES_MAX = 1 << 28
SAID_BYTES_MAX = 1 << 26
TAIL_CHARACTERS = 2_000
JOIN_S = 5.0
STOP_POLL_S = 0.2
"""How soon a stop ends the child."""
SCRATCH = ("TMPDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TORCH_EXTENSIONS_DIR")
"""What says where torch, and what it uses, keep caches and temporary files."""
_CHUNK = 4_096


def never() -> bool:
    """Nobody asks to stop."""
    return False


def export(
    network: nn.Module,
    classes: int,
    *,
    height: int,
    width: int,
    work_dir: Path,
    timeout_s: float,
    stop: Callable[[], bool] = never,
) -> Template:
    """Return the template of `network` (float32, on the CPU, in evaluation mode).

    The child gets the network pickled, through a folder in `work_dir` that only this user can read; what it and torch
    write for the time being, lies there, too. Raises ExportError with the child's last words, OSError where the disk
    refuses, UnmappableError when the graph cannot be refilled, or StoppedError soon after `stop()` is true; the child
    has ended then.
    """
    with tempfile.TemporaryDirectory(prefix="export-", dir=work_dir) as name:
        folder = Path(name)
        Request(height, width, classes, tuple(sys.path)).write(folder)
        (folder / "scratch").mkdir()
        pickled = _pickled(network)
        with writing(folder / NETWORK, len(pickled)):
            (folder / NETWORK).write_bytes(pickled)
        _run(folder, timeout_s, stop)
        return _collect(folder)


def _pickled(network: nn.Module) -> memoryview:
    """Return the network's bytes. torch.save to a full disk raises a RuntimeError, so it does not see the disk."""
    into = io.BytesIO()
    try:
        torch.save(network, into)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ExportError(f"the network cannot be pickled for the exporter: {error}") from error
    return into.getbuffer()


def _surroundings(folder: Path) -> dict[str, str]:
    """Return the child's environment: caches and temporary files lie in its folder, on a disk that is looked after."""
    return {**os.environ, **dict.fromkeys(SCRATCH, str(folder / "scratch"))}


def _collect(folder: Path) -> Template:
    if (folder / REFUSAL).exists():
        raise UnmappableError((folder / REFUSAL).read_text())
    made = folder / TEMPLATE
    if not made.exists() or made.stat().st_size > TEMPLATE_BYTES_MAX:
        raise ExportError("the exporter left no template, or one too large to be a graph without weights")
    return Template.from_bytes(made.read_bytes())


def _run(folder: Path, timeout_s: float, stop: Callable[[], bool]) -> None:
    command = [sys.executable, "-m", "model.publishing.export_child", str(folder.resolve())]
    # a session of its own: Ctrl-C in the terminal is for the learner, which decides what becomes of the child
    child = subprocess.Popen(  # noqa: S603 - our own module and a folder that we made
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, env=_surroundings(folder),
    )  # fmt: skip
    said: deque[bytes] = deque(maxlen=1 + TAIL_CHARACTERS * 4 // _CHUNK)
    ear = threading.Thread(target=_listen, args=(child, said), daemon=True)
    ear.start()
    try:
        code = _wait(child, timeout_s, stop)
    finally:
        _end(child)
        ear.join(JOIN_S)
    if code != 0:
        words = b"".join(said).decode("utf-8", "replace").strip()[-TAIL_CHARACTERS:]
        if code == DISK or is_full(folder):  # libraries in there have errors of their own for a full disk
            raise _disk_error(words, folder)
        raise ExportError(f"the exporter ended with status {code}: {words}")


def _disk_error(words: str, folder: Path) -> DiskError:
    """Return what the disk refused the child, by its last line; where that is none, the folder's disk is full."""
    try:
        told = json.loads(words.rpartition("\n")[2])
        return DiskError(told["errno"], os.strerror(told["errno"]), Path(told["path"]), told["needed"])
    except (ValueError, KeyError, TypeError):
        return DiskError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _wait(child: subprocess.Popen[bytes], timeout_s: float, stop: Callable[[], bool]) -> int:
    """Return the child's exit status. An export takes many seconds, and whoever stops the learner waits for it."""
    until = time.monotonic() + timeout_s
    while (left := until - time.monotonic()) > 0:
        if stop():
            raise StoppedError("stopped within the export")
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(min(STOP_POLL_S, left))
    raise ExportError(f"the exporter took longer than {timeout_s:g} s")


def _listen(child: subprocess.Popen[bytes], said: deque[bytes]) -> None:
    heard = 0
    pipe: IO[bytes] | None = child.stdout
    if pipe is None:
        return
    with pipe:
        while chunk := os.read(pipe.fileno(), _CHUNK):
            heard += len(chunk)
            said.append(chunk)
            if heard > SAID_BYTES_MAX:
                _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        _kill(child)
    child.wait()
    if child.stdin is not None:
        child.stdin.close()
