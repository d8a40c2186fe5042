"""Runs a peer in Avalanche's environment and keeps what came of it, by version, data, settings and seed."""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.learning.metrics import Answers
from tests.benchmarks.learning.ours import Run, Settings, window_bounds
from tests.benchmarks.learning.protocols import Stream

VERSION = "0.6.0"
ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "peers"
CHILD = Path(__file__).with_name("avalanche_child.py")
TIMEOUT_S = 3_600
SETTINGS: dict[str, dict[str, Any]] = {
    "ER": {"optimiser": "sgd", "lr": 0.03, "momentum": 0.0},
    "ER-ACE": {"optimiser": "sgd", "lr": 0.03, "momentum": 0.0},
    "DER++": {"optimiser": "sgd", "lr": 0.03, "momentum": 0.0, "alpha": 0.1, "beta": 0.5},
    "GDumb": {"optimiser": "sgd", "lr": 0.03, "momentum": 0.0},
}


class PeersError(Exception):
    """Avalanche cannot be had or failed; the message says what was tried."""


def environment() -> Path:
    """Return the python of an environment that has Avalanche, made at the first call. Raises PeersError.

    torch is not installed a second time: the environment sees the packages of the one that runs this.
    """
    folder = CACHE / f"avalanche-{VERSION}"
    python = folder / "bin" / "python"
    link = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)})) / "tidemill.pth"
    installed = folder / ".installed"
    missing = not installed.exists()
    if missing:
        sys.stderr.write(f"installing avalanche-lib {VERSION} into {folder} ...\n")
        venv.create(folder, with_pip=True, clear=True)
    # Each time, for this environment may have been made anew in another place since.
    link.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    if missing:
        _install(python)
        installed.touch()
    return python


def _install(python: Path) -> None:
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"avalanche-lib=={VERSION}"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeersError(f"avalanche-lib {VERSION} could not be installed; leave out --peers:\n{done.stderr.strip()}")


def job_of(name: str, stream: Stream, settings: Settings) -> dict[str, Any]:
    """Return what the child is told beside the images."""
    lengths = [len(task.train) for task in stream.tasks]
    task_bounds = [0, *np.cumsum(lengths).tolist()]
    windows = [
        start + bound
        for start, end in pairwise(task_bounds)
        for bound in window_bounds(end - start, settings.window)[1:]
    ]
    tests = [id(task.test) for task in stream.tasks]
    return {
        "name": name,
        "architecture": settings.architecture,
        "size": stream.size,
        "classes": len(stream.classes),
        "seed": settings.seed,
        "passes": settings.budget,
        "memory": settings.memory or stream.images,
        "task_bounds": task_bounds,
        "window_bounds": [0, *windows],
        "tests": [tests.index(one) for one in tests],
        **SETTINGS[name],
    }


def run(name: str, stream: Stream, settings: Settings, digest: str, *, override: dict[str, Any] | None = None) -> Run:
    """Run a peer on the stream, or read what is kept of the same. `digest`: of data and protocol. Raises PeersError."""
    job = job_of(name, stream, settings) | (override or {})
    whole = hashlib.sha256(json.dumps([VERSION, digest, job], sort_keys=True).encode() + CHILD.read_bytes()).hexdigest()
    kept = CACHE / "runs" / f"{whole[:32]}.npz"
    if not kept.exists():
        _run_child(environment(), job, stream, kept)
    with np.load(kept) as file:
        facts = json.loads(str(file["facts"]))
        count = len(stream.tasks)
        after = [[file[f"after_{task}_{earlier}"] for earlier in range(task + 1)] for task in range(count)]
    return Run(Answers(after), facts["sample_gradients"], facts["seconds"], facts["seconds"])


def _run_child(python: Path, job: dict[str, Any], stream: Stream, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tidemill-peers-") as folder:
        given, got = Path(folder) / "job.npz", Path(folder) / "out.npz"
        np.savez(
            given,
            job=json.dumps(job),
            pixels=np.concatenate([task.train.pixels_NHWC for task in stream.tasks]),
            labels=np.concatenate([task.train.labels for task in stream.tasks]),
            **{f"test_{index}": stream.tasks[index].test.pixels_NHWC for index in sorted(set(job["tests"]))},
        )
        done = subprocess.run(
            # By its path: the environment may hold a package called `tests` of somebody else's.
            [python, CHILD, given, got],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        if done.returncode:
            raise PeersError(f"{job['name']} failed:\n{done.stderr.strip()[-2000:]}")
        part = kept.with_suffix(".part")
        part.write_bytes(got.read_bytes())
        part.replace(kept)
