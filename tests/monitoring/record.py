"""Draw docs/pictures anew from a real run: `python -m tests.monitoring.record [MINUTES]`, eight unless said.

Handwritten digits stream in all the time; 8 and 9 come later and become classes, somebody sends wrong labels, Redis is
away for a while, and the newest version is rolled back.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from kafka import KafkaProducer

from daemon.demo.digits import Digit, load_split, shifted
from scripts.dashboards.pictures import draw_all
from tests.support.monitored import TOPIC, Monitored

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SETTINGS = {
    "model": {"architecture": "daemon.demo.network:small_cnn"},
    "image": {"size": 8},
    "learning": {"flip": False},
    "round": {"samples": 400, "min_samples": 32, "max_wait_s": 15, "poll_s": 0.2},
}
A_SECOND = 24
LATE = ("8", "9")


class Camera:
    """Sends digits at an even pace, the late ones once told, with wrong labels while told."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        self._digits = shifted(load_split(1).stream, 1)
        self.late = False
        self.wrong = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Camera":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.close()

    def _run(self) -> None:
        for number in count():
            if self._stop.wait(1 / A_SECOND):
                return
            self._send(next(digit for digit in self._digits if self.late or digit.label not in LATE), number)

    def _send(self, digit: Digit, number: int) -> None:
        label = str((int(digit.label) + 3) % 8) if self.wrong else digit.label
        value = b"no picture" if number % 150 == 149 else digit.png()
        now = datetime.now(UTC).isoformat()
        headers = [("ce_label", label.encode()), ("ce_source", b"camera-1"), ("ce_time", now.encode())]
        self._producer.send(TOPIC, value=value, headers=headers)


def record(minutes: float) -> list[Path]:
    """Run for so long, then draw; return the files."""
    with tempfile.TemporaryDirectory(prefix="tidemill-record-") as folder, Monitored(Path(folder), **SETTINGS) as one:
        with Camera(one.kafka.bootstrap) as camera:
            began = time.monotonic()
            _wait(lambda: one.version() > 1)
            for share, happens in (
                (0.35, lambda: setattr(camera, "late", True)),
                (0.55, lambda: setattr(camera, "wrong", True)),
                (0.65, lambda: setattr(camera, "wrong", False)),
                (0.75, one.redis_is_away),
                (0.85, one.rolls_back),
                (0.9, one.asks_for_what_is_not_there),
                (1.0, one.end),
            ):
                _wait(lambda until=began + share * 60 * minutes: time.monotonic() >= until)
                happens()
        return draw_all(one.prometheus.url, one.began_s, one.ended_s, FOLDER, scrape_s=1)


def _wait(over: Callable[[], bool]) -> None:
    while not over():
        time.sleep(0.5)


if __name__ == "__main__":
    for drawn in record(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0):
        sys.stdout.write(f"{drawn} {drawn.stat().st_size}\n")
