"""Runs `tidemill` as its users do: as processes, configured by a file."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIDEMILL = (str(Path(sys.executable).with_name("tidemill")),)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], what: str, timeout_s: float = 60, every_s: float = 0.1) -> Any:
    """Return the first true answer of `check`; fail when none came in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer := check():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"{what}: not within {timeout_s} s")


def quick_settings(kafka: str, redis_url: str, topic: str, announced: str, *, size: int) -> dict[str, dict[str, Any]]:
    """Return the settings of a whole job that makes its first version within seconds."""
    return {
        "kafka": {
            "bootstrap_servers": kafka,
            "topics": [topic],
            "announce_topic": announced,
            "session_timeout_ms": 6000,
        },
        "redis": {"url": redis_url},
        "image": {"size": size},
        "model": {"architecture": "model.network.mlp:mlp"},
        "round": {"samples": 150, "min_samples": 16, "max_wait_s": 3, "poll_s": 0.1},
    }


class Tidemill:
    """One configuration, and the commands that are run with it."""

    def __init__(self, folder: Path, settings: dict[str, dict[str, Any]]) -> None:
        self.folder = folder
        self.ports = {role: free_port() for role in ("http", "ingest", "learn", "run")}
        self.file = folder / "tidemill.toml"
        tree = dict(settings)
        for role, port in self.ports.items():
            tree[role] = {"port": port, **tree.get(role, {})}
        self.file.write_text("\n".join(_toml(name, section) for name, section in tree.items()), encoding="utf-8")
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The address of the HTTP API."""
        return f"http://127.0.0.1:{self.ports['http']}"

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a long-running command; its output goes to a file of its own."""
        log = (self.folder / f"{command[0]}-{len(self._running)}.log").open("wb")
        process = subprocess.Popen(
            [*TIDEMILL, *command, "--config", str(self.file)],
            cwd=self.folder,  # state and models lie there by default
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"OMP_NUM_THREADS": "2", **os.environ},
        )
        log.close()
        self._running.append(process)
        return process

    def run(self, *command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        whole = [*TIDEMILL, *command, "--config", str(self.file)]
        return subprocess.run(whole, cwd=self.folder, capture_output=True, text=True, timeout=timeout_s, check=False)

    def json(self, *command: str) -> Any:
        """Return what a command prints with --json."""
        done = self.run(*command, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def logs(self) -> str:
        """Return the ends of all logs, for a failure's message."""
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log")))

    def stop(self) -> list[int]:
        """Stop everything in the order of starting; return the exit statuses."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        statuses = []
        for process in self._running:
            try:
                statuses.append(process.wait(timeout=30))
            except subprocess.TimeoutExpired:
                process.kill()
                statuses.append(process.wait())
        self._running.clear()
        return statuses


def _toml(name: str, section: dict[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items()), ""])
