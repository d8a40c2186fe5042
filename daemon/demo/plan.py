"""What a demo is: how much is streamed at what pace, how the roles are set, and what is promised."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOPIC = "images"
MODEL = "digits"
IMAGE_BYTES_MAX = 100_000
ARCHITECTURE = "daemon.demo.network:small_cnn"
"""A network as small as the pictures; with 45 MB of resnet18 the demo would be a test of the machine's speed."""
OLD_CLASSES = ("0", "1", "2", "3", "4")
NEW_CLASSES = ("5", "6", "7", "8", "9")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the producer sends."""

    records_s: float = 60.0
    """Records a second."""
    keep_records_s: float = 10.0
    """Records a second once the promises are kept and the demo goes on."""
    ahead_max: int = 360
    """Pictures that may be on their way; the producer waits while more are not yet learnt."""


@dataclass(frozen=True, slots=True)
class Promises:
    """What must hold at the end."""

    seconds: float = 120.0
    """From start to end, all processes gone."""
    versions: int = 5
    accuracy: float = 0.95
    """On the test set, as the follower measures it."""
    forgotten: float = 0.05
    """How much accuracy on the old classes may fall below its best."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo. `folder` is the working folder; nothing outside of it is left behind."""

    folder: Path
    keep: bool = False
    """Go on until Ctrl-C."""
    seed: int = 0
    pace: Pace = Pace()
    promises: Promises = Promises()
    finish_s: float = 20.0
    """Of the promised seconds, those kept back for the end: stopping the roles, drawing the picture."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens: loopback only."""

    kafka: str
    redis_url: str
    serve_port: int
    ingest_port: int
    learn_port: int
    run_port: int

    @property
    def serve_url(self) -> str:
        """The API of `tidemill serve`."""
        return f"http://127.0.0.1:{self.serve_port}"

    def health_urls(self) -> dict[str, str]:
        """Return the base URL of each process that has /livez, /readyz and /metrics."""
        ports = {"ingest": self.ingest_port, "learn": self.learn_port, "serve": self.serve_port, "run": self.run_port}
        return {role: f"http://127.0.0.1:{port}" for role, port in ports.items()}


def settings(plan: Plan, addresses: Addresses) -> dict[str, dict[str, Any]]:
    """Return the roles' configuration, as sections of keys.

    What would lead a role elsewhere (another Kafka, another group) stands here although it is the default, so that no
    setting of the environment can.
    """
    folder = plan.folder.resolve()
    return {
        "kafka": {
            "bootstrap_servers": addresses.kafka,
            "topics": [TOPIC],
            "group": "tidemill-demo",
            "security_protocol": "PLAINTEXT",
            "sasl_mechanism": "",
            "dlq_suffix": ".dlq",
            "announce_topic": "models",
            "create_topics": True,
            "partitions": 3,
            "session_timeout_ms": 6_000,
        },
        "redis": {"url": addresses.redis_url},
        "image": {"size": 8, "max_bytes": IMAGE_BYTES_MAX},
        "model": {"name": MODEL, "architecture": ARCHITECTURE, "initial_weights": "", "classes": []},
        "round": {"samples": 180, "min_samples": 32, "max_wait_s": 3, "passes": 4, "poll_s": 0.2},
        "learning": {"flip": False, "crop": False, "ema_decay": 0.95, "seed": plan.seed},
        "paths": {"state": str(folder / "state"), "repository": str(folder / "models")},
        "http": {"host": "127.0.0.1", "port": addresses.serve_port},
        "ingest": {"port": addresses.ingest_port, "name": "demo", "workers": 1},
        "learn": {"port": addresses.learn_port, "device": "auto", "threads": 1},
        "run": {"port": addresses.run_port},
        "log": {"level": "info", "format": "json"},
    }
