"""Debian's `prometheus` and `prometheus-alertmanager`, as programs that tests run."""

import shutil
import subprocess
from pathlib import Path

from tests.servers.missing import unavailable

PACKAGES = {"promtool": "prometheus", "prometheus": "prometheus", "amtool": "prometheus-alertmanager"}


def program(name: str) -> str:
    """Return where `name` is; without it the test is skipped on a person's machine, and fails in CI."""
    found = shutil.which(name)
    if found is None:
        unavailable(f"{name} is missing: apt-get install {PACKAGES[name]}")
    return found


def run(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in `folder`."""
    command = [program(name), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
