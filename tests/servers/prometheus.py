"""A real Prometheus for tests: Debian's program, its own folder, a loopback port, a scrape every second."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from daemon.local.process import LocalProcess, free_port

START_TIMEOUT_S = 30.0
POINTS_MAX = 10_000
"""Prometheus refuses a range of more than 11,000 points."""


def missing() -> str | None:
    """Return why Prometheus cannot run here and what would cure it, or None where it can."""
    if shutil.which("prometheus") is None:
        return "no prometheus on the PATH: apt-get install prometheus"
    return None


class PrometheusServer:
    """Starts with `start` and scrapes at once; `close` ends it and removes what it stored."""

    def __init__(self, jobs: Mapping[str, Sequence[str]], rules: Sequence[Path] = (), *, interval_s: int = 1) -> None:
        """`jobs` are host:port by job; `rules` are files of rules, evaluated at each interval as well."""
        self.folder = Path(tempfile.mkdtemp(prefix="tidemill-test-prometheus-"))
        self.port = free_port()
        config: dict[str, Any] = {
            "global": {"scrape_interval": f"{interval_s}s", "evaluation_interval": f"{interval_s}s"},
            "rule_files": [self._often(file) for file in rules],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in jobs.items()
            ],
        }
        # JSON is YAML.
        (self.folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        self._process: LocalProcess | None = None

    def _often(self, rules: Path) -> str:
        """Return a copy of a file of rules in which no group waits longer than the others."""
        copy = self.folder / rules.name
        copy.write_text(re.sub(r"(?m)^ +interval: .*\n", "", rules.read_text(encoding="utf-8")), encoding="utf-8")
        return str(copy)

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return once it is ready. Raises LocalServerFailedError."""
        command = [
            "prometheus",
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]
        self._process = LocalProcess(command, self.folder, grace_s=10)
        self._process.wait_until(self._ready, START_TIMEOUT_S)

    def close(self) -> None:
        """End it. Its folder goes."""
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def range(self, expr: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """Return the series of an expression: {"metric": labels, "values": [[time, text], …]}, a second apart."""
        step = max(1, round((end_s - start_s) / POINTS_MAX))
        asked = {"query": expr, "start": start_s, "end": end_s, "step": step}
        return list(self.get("query_range", asked)["result"])

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values of a label among the series that a selector names."""
        return list(self.get(f"label/{label}/values", {"match[]": selector}))

    def exemplars(self, expr: str, start_s: float, end_s: float) -> list[dict[str, Any]]:
        """Return the exemplars of the series that an expression reads."""
        return list(self.get("query_exemplars", {"query": expr, "start": start_s, "end": end_s}))

    def get(self, what: str, asked: Mapping[str, Any]) -> Any:
        """Return the data of an answer; an error of Prometheus fails the test with its words."""
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=dict(asked), timeout=30).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {dict(asked)}"
        return answer["data"]

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
