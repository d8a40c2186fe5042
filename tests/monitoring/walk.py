"""Causes the faults that alerts are for, one after another, on a running Tidemill, and shows what runbooks show.

    python -m tests.monitoring.walk [FAULT ...]

Real Kafka, real Redis, the roles as processes, and the real Prometheus with the rules of docker/prometheus, their waits
and windows shortened so that a fault is told within seconds. For each fault it prints the alerts that fire and what the
runbook's two commands say, with the ports that the roles have by default and without this machine's paths. What a
runbook shows of a running system comes from here.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from tests.chaos.pictures import paint
from tests.monitoring.programs import program
from tests.monitoring.rule_files import RULES
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.roles import TIDEMILL, Tidemill, eventually, free_port

SIZE = 16
PATIENCE_S = 240.0
"""A loaded machine has time."""
LABELS = ("red", "green", "blue")
TOPIC = "images"
DEFAULT_PORTS = {"http": 8080, "ingest": 8081, "learn": 8082, "run": 8083}
SHORTER = (
    (r"for: \S+", "for: 3s"),
    (r"offset (10|15)m", "offset 20s"),
    (r"min_over_time\((\S+)\[(10|15)m\]", r"min_over_time(\1[20s]"),
    (r"\[1d\] offset 1h", "[3m] offset 30s"),
    (r"avg_over_time\((\S+)\[1h\]", r"avg_over_time(\1[30s]"),
    (r"(_free_bytes) offset 1h", r"\1 offset 20s"),
    (r"\[6h\]\) > 0\) / 86400", "[1m]) > 0) / 86400"),
    (r"seconds > 0\) > 60\)", "seconds > 0) > 5)"),
    (r"    interval: 1m", "    interval: 2s"),
)
THRESHOLDS = {
    "commit_age_seconds": 15,
    "kafka_lag_seconds": 8,
    "outage_seconds": 5,
    "outage_minor_seconds": 5,
    "refusals": 3,
    "quarantined_windows": 1,
    "drift_alarms": 1,
    "transaction_seconds": 10,
}
"""In place of those in the rules: of waits that nobody has here, and of what would take hours to happen as often."""


def quick_rules() -> str:
    """Return the rules with shorter waits."""
    text = RULES.read_text(encoding="utf-8")
    for pattern, shorter in SHORTER:
        text, times = re.subn(pattern, shorter, text)
        assert times, f"{pattern} is not in the rules any more"
    for name, value in THRESHOLDS.items():
        text, times = re.subn(rf"(threshold: {name}}}\n\s+expr: vector)\(\S+\)", rf"\1({value})", text)
        assert times == 1, name
    return text


class Walk:
    """One running Tidemill, watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = KafkaServer()
        self.redis = RedisServer()
        self.kafka.start()
        self.redis.start()
        self.make_topics(TOPIC, f"{TOPIC}.dlq", "models")
        self.mill = Tidemill(folder, self.settings())
        self.roles: dict[str, subprocess.Popen[bytes]] = {}
        self.port = free_port()
        self.targets = {
            role: self.mill.ports[{"serve": "http"}.get(role, role)] for role in ("ingest", "learn", "serve", "run")
        }
        self.prometheus = self._watch()
        self.producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap, acks="all")
        self._rng = np.random.default_rng(1)

    def settings(self) -> dict[str, dict[str, Any]]:
        """Return small rounds on our servers."""
        return {
            "kafka": {"bootstrap_servers": self.kafka.bootstrap, "topics": [TOPIC], "session_timeout_ms": 6000},
            "redis": {"url": self.redis.url, "socket_timeout_s": 1.0},
            "image": {"size": SIZE},
            "model": {"architecture": "model.network.mlp:mlp"},
            "round": {"samples": 60, "min_samples": 16, "max_wait_s": 2, "poll_s": 0.1},
            "buffer": {"bytes_max": 2_000_000},
        }

    def make_topics(self, *names: str) -> None:
        """Make topics of one partition."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        admin.create_topics([NewTopic(name, 1, 1) for name in names])
        admin.close()

    def admin(self) -> KafkaAdminClient:
        """Return a client for operators' work."""
        return KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)

    def _watch(self) -> subprocess.Popen[bytes]:
        jobs = "\n".join(
            f"  - job_name: {job}\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]"
            for job, port in self.targets.items()
            if job != "run"
        )
        (self.folder / "rules.yml").write_text(quick_rules(), encoding="utf-8")
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}\n"
            f"rule_files: [rules.yml]\nscrape_configs:\n{jobs}\n"
            "  - {job_name: run, file_sd_configs: [{files: [run.json], refresh_interval: 1s}]}\n",
            encoding="utf-8",
        )
        (self.folder / "run.json").write_text("[]", encoding="utf-8")
        options = [
            "--config.file=prometheus.yml",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--storage.tsdb.path=tsdb",
        ]
        with (self.folder / "prometheus.log").open("wb") as log:
            return subprocess.Popen([program("prometheus"), *options], cwd=self.folder, stdout=log, stderr=log)

    # --- the roles, and what they are fed -------------------------------------------------------------------------

    def start(self, *roles: str) -> None:
        """Start roles, and wait until they are alive."""
        for role in roles:
            self.roles[role] = self.mill.start(role)
        for role in roles:
            eventually(lambda role=role: self.ask(self.targets[role], "/livez") == 200, f"{role} is alive", PATIENCE_S)

    def stop(self, *roles: str, kill: bool = False) -> None:
        """End roles."""
        for role in roles:
            process = self.roles.pop(role)
            process.kill() if kill else process.terminate()
            process.wait(90)

    @staticmethod
    def ask(port: int, path: str) -> int:
        """Return the status of an answer, 0 where there is none."""
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code
        except httpx.TransportError:
            return 0

    def send(self, n: int, *, bad: int = 0, label: Callable[[str], str] = str, **headers: str) -> None:
        """Send `n` pictures and, among them, `bad` records that are none."""
        spread = [True] * bad + [False] * n
        self._rng.shuffle(spread)
        for number, broken in enumerate(spread):
            colour = LABELS[number % len(LABELS)]
            value = b"GIF89a, not a picture" if broken else paint(colour, self._rng, SIZE).png
            labelled = [("ce_label", label(colour).encode()), ("ce_source", b"camera-7")]
            self.producer.send(TOPIC, value=value, headers=[*labelled, *((k, v.encode()) for k, v in headers.items())])
        self.producer.flush()

    def feed(self, seconds: float, n: int = 30, *, until: Callable[[], Any] = lambda: False, **options: Any) -> None:
        """Send on and on."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not until():
            self.send(n, **options)
            time.sleep(1)

    # --- what is seen ---------------------------------------------------------------------------------------------

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Ask Prometheus."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.port}/api/v1/query", params={"query": expression}, timeout=10
        ).json()
        return list(answer["data"]["result"])

    def firing(self, name: str) -> bool:
        """Return whether an alert fires."""
        return bool(self.query(f'ALERTS{{alertname="{name}",alertstate="firing"}}'))

    def wait(self, name: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until an alert fires."""
        eventually(lambda: self.firing(name), name, timeout_s, every_s=0.5)

    def wait_over(self, name: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it is over."""
        eventually(lambda: not self.firing(name), f"{name} is over", timeout_s, every_s=0.5)

    def show(self, title: str, *commands: str) -> None:
        """Print what fires, and what commands say, as a runbook has it."""
        print(f"\n===== {title}", flush=True)
        for one in httpx.get(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=10).json()["data"]["alerts"]:
            if one["state"] == "firing":
                what = self.neutral(one["annotations"]["description"])
                print(f"  {one['labels']['severity']}: {one['labels']['alertname']}: {what}")
        for command in commands:
            print(f"$ {command}", flush=True)
            done = subprocess.run(
                self.here(command),
                shell=True,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            print(self.neutral(done.stdout + done.stderr).rstrip(), flush=True)

    def here(self, command: str) -> str:
        """Return a runbook's command as it must be run on this machine."""
        for role, port in DEFAULT_PORTS.items():
            command = command.replace(f"localhost:{port}", f"127.0.0.1:{self.mill.ports[role]}")
        command = command.replace("localhost:9090", f"127.0.0.1:{self.port}").replace(
            "localhost:9092", self.kafka.bootstrap
        )
        return re.sub(r"\btidemill (?=[a-z])", f"COLUMNS=150 {TIDEMILL[0]} --config {self.mill.file} ", command)

    def neutral(self, text: str) -> str:
        """Return what was said with the usual ports and without this machine's paths."""
        usual = {self.mill.ports[role]: port for role, port in DEFAULT_PORTS.items()}
        usual |= {self.port: 9090, self.kafka.port: 9092, self.redis.port: 6379}
        for port, instead in usual.items():
            text = re.sub(rf"\b{port}\b", str(instead), text)
        text = text.replace("127.0.0.1", "localhost")
        return text.replace(f"{self.folder}/", "")

    def close(self) -> None:
        """End all of it."""
        self.producer.close(timeout=2)
        self.mill.stop()
        self.prometheus.terminate()
        self.prometheus.wait(30)
        self.kafka.close()
        self.redis.close()


@contextmanager
def walking() -> Iterator[Walk]:
    """A Tidemill that has published a version."""
    folder = Path(tempfile.mkdtemp(prefix="tidemill-walk-"))
    walk = Walk(folder)
    try:
        walk.start("ingest", "learn", "serve")
        walk.feed(PATIENCE_S, until=lambda: Walk.ask(walk.targets["serve"], "/v1/models/default/champion") == 200)
        yield walk
    except AssertionError:
        print(walk.mill.logs(), file=sys.stderr)
        raise
    finally:
        walk.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(names: list[str]) -> int:
    """Walk those faults, or all."""
    from tests.monitoring.walked import FAULTS

    unknown = set(names) - set(FAULTS)
    if unknown:
        print(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    failed = []
    with walking() as walk:
        if not names:
            walk.show("all is well", "tidemill status")
        for name in names or FAULTS:
            try:
                FAULTS[name](walk)
            except AssertionError as error:
                print(f"***** {name}: {error}", flush=True)
                failed.append(name)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
