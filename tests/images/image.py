"""An image as it was built: its configuration, its root file system, and a role that runs from it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daemon.version import VERSION

# As docker/build.sh builds where there is no engine.
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def missing() -> str | None:
    """Return why no image can be tested here, or None."""
    for tool, package in (("buildah", "buildah"), ("bwrap", "bubblewrap")):
        if shutil.which(tool) is None:
            return f"{tool} is missing: apt-get install {package} debootstrap, then make image"
    if os.geteuid() != 0:
        return "buildah without user namespaces needs root"
    return None


def built(target: str) -> bool:
    """Return whether there is an image of the target, of this version."""
    asked = ["buildah", "inspect", "--type", "image", f"localhost/tidemill-{target}:{VERSION}"]
    return subprocess.run(asked, capture_output=True, env=ENVIRONMENT, timeout=60, check=False).returncode == 0


class Image:
    """A built target, mounted."""

    def __init__(self, target: str) -> None:
        self.name = f"localhost/tidemill-{target}:{VERSION}"
        self._container = _buildah("from", self.name)
        self.root = Path(_buildah("mount", self._container))
        inspected = json.loads(_buildah("inspect", "--type", "image", self.name))
        self.config: Mapping[str, Any] = inspected["Docker"]["config"]
        self._running: list[subprocess.Popen[bytes]] = []

    def size_bytes(self) -> int:
        """Return what the root file system holds, a file with several names once."""
        files = {(stat.st_dev, stat.st_ino): stat.st_size for stat in map(os.lstat, _walk(self.root))}
        return sum(files.values())

    def start(
        self, log: Path, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None, **volumes: Path
    ) -> subprocess.Popen[bytes]:
        """Run the entry point as the image says: its user and environment, a read-only root, /tmp and volumes alone."""
        user, group = self.config["User"].split(":")
        environment = dict(line.split("=", 1) for line in self.config["Env"]) | dict(env or {})
        command = ["bwrap", "--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        for name, folder in volumes.items():
            command += ["--bind", str(folder), f"/var/lib/tidemill/{name}"]
        command += ["--unshare-user", "--uid", user, "--gid", group, "--die-with-parent", "--clearenv"]
        for name, value in environment.items():
            command += ["--setenv", name, value]
        command += ["--chdir", self.config["WorkingDir"], *self.config["Entrypoint"]]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, *(arguments or self.config["Cmd"])], stdout=out, stderr=subprocess.STDOUT
            )
        self._running.append(process)
        return process

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another program of the image."""
        path = dict(line.split("=", 1) for line in self.config["Env"])["PATH"]
        user, group = self.config["User"].split(":")
        inside = ["--unshare-user", "--uid", user, "--gid", group, "--clearenv", "--setenv", "PATH", path]
        whole = ["bwrap", "--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        return subprocess.run([*whole, *inside, *command], capture_output=True, text=True, timeout=60, check=False)

    def close(self) -> None:
        """End what runs and unmount."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        _buildah("rm", self._container)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the role, as an engine does: to what bwrap started, which passes its exit status on."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)


def _walk(root: Path) -> list[Path]:
    return [Path(folder) / name for folder, folders, files in os.walk(root) for name in (*folders, *files)]


def _buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False
    )
    assert done.returncode == 0, f"buildah {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()
