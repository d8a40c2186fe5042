"""A Tidemill on real servers that a real Prometheus watches, and what it lives through so that every panel has data."""

import io
import re
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from PIL import Image

from tests.servers.kafka import KafkaServer
from tests.servers.prometheus import PrometheusServer
from tests.servers.redis import RedisServer
from tests.support.dcgm import dcgm_exporter
from tests.support.roles import Tidemill, eventually

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200), "yellow": (200, 200, 30)}
TOPIC, OTHER, MODELS = "images", "archive", "models"
ROUND = {"samples": 150, "min_samples": 16, "max_wait_s": 1.5, "poll_s": 0.1, "passes": 2}
WAIT_S = 240.0
"""What takes seconds takes longer on a machine that does other things as well."""
SCRAPES_S = 3.0
"""What must be seen lasts so long: two scrapes and a bit."""


class Monitored:
    """Everything runs on entry and ends on leaving. The moments are seconds since the epoch."""

    def __init__(self, folder: Path, rules: Sequence[Path] = (), **settings: dict[str, Any]) -> None:
        """`folder` is empty; `rules` are loaded by Prometheus; `settings` are sections of the configuration."""
        self._stack = ExitStack()
        self._rng = np.random.default_rng(7)
        self._stop = threading.Event()
        self.kafka = KafkaServer()
        self.redis = RedisServer()
        self._stack.callback(self.kafka.close)
        self._stack.callback(self.redis.close)
        self.tidemill = Tidemill(folder, self._settings() | settings)
        ports = self.tidemill.ports
        jobs = {role: [f"127.0.0.1:{ports[role]}"] for role in ("ingest", "learn", "run")}
        jobs |= {"serve": [f"127.0.0.1:{ports['http']}"], "dcgm": [self._stack.enter_context(dcgm_exporter())]}
        self.prometheus = PrometheusServer(jobs, rules)
        self._stack.callback(self.prometheus.close)
        self.began_s = self.ended_s = 0.0
        self._sent = 0

    def __enter__(self) -> "Monitored":
        try:
            self.kafka.start()
            self.redis.start()
            self._make_topics()
            self.prometheus.start()
            self.began_s = time.time()
            self.tidemill.start("run")
            self._stack.callback(self.tidemill.stop)
            for after in (False, True):
                follower = threading.Thread(target=self._follow, args=(after,))
                follower.start()
                self._stack.callback(follower.join)
            self._stack.callback(self._stop.set)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def end(self) -> None:
        """From here on nothing more is to be seen; waits for the scrape of what was."""
        time.sleep(SCRAPES_S)
        self.ended_s = time.time()

    # --- what it lives through ------------------------------------------------------------------------------------

    def learns(self, labels: Sequence[str], n: int, *, broken: int = 0, said_to_be: Sequence[str] = ()) -> None:
        """Send `n` images of these labels and some that are none, and wait until a round has ended with them."""
        rounds = self._rounds()
        self.send(labels, n, broken=broken, said_to_be=said_to_be)
        self._sent += n + broken
        eventually(lambda: self._count("ingest", "records_consumed_total") >= self._sent, "all is taken in", WAIT_S)
        eventually(lambda: self._rounds() > rounds and not self._count("learn", "buffer_samples"), "a round", WAIT_S)

    def send(self, labels: Sequence[str], n: int, *, broken: int = 0, said_to_be: Sequence[str] = ()) -> None:
        """Send images; `said_to_be` are the labels that they carry, where these are others than what they show."""
        producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap, acks="all", linger_ms=5)
        for index in range(n):
            shown = labels[index % len(labels)]
            label = said_to_be[index % len(labels)] if said_to_be else shown
            headers = [("ce_label", label.encode()), ("ce_source", b"camera-1")]
            producer.send(TOPIC, value=self._image(shown), headers=headers)
        for _ in range(broken):
            producer.send(TOPIC, value=b"not an image", headers=[("ce_label", labels[0].encode())])
        producer.flush()
        producer.close()

    def redis_is_away(self) -> None:
        """Redis does not answer, until both roles have said so."""
        self.redis.pause()
        try:
            self.send(["red", "green"], 20)
            self._sent += 20
            time.sleep(SCRAPES_S + 2)
        finally:
            self.redis.resume()

    def a_transaction_hangs(self) -> None:
        """A producer leaves a transaction open for a while, in a topic of its own."""
        producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap, transactional_id="hangs")
        producer.init_transactions()
        producer.begin_transaction()
        for _ in range(5):
            producer.send(OTHER, value=self._image("red"), headers=[("ce_label", b"red")])
        self._sent += 5
        producer.flush()
        time.sleep(SCRAPES_S + 2)
        producer.commit_transaction()
        producer.close()

    def rolls_back(self) -> None:
        """The champion before is champion again."""
        before = self.version()
        done = self.tidemill.run("rollback", str(before - 1))
        assert done.returncode == 0, done.stderr
        eventually(lambda: self.version() == before - 1, "the rollback", WAIT_S)

    def asks_for_what_is_not_there(self) -> None:
        """404s, a resumed download, and a range that lies outside."""
        model = f"{self.tidemill.url}/v1/models/default"
        assert httpx.get(f"{model}/versions/9999/manifest.json").status_code == 404
        assert httpx.get(f"{model}/champion/model.onnx").status_code == 200
        assert httpx.get(f"{model}/champion/model.onnx", headers={"Range": "bytes=0-99"}).status_code == 206
        assert httpx.get(f"{model}/champion/model.onnx", headers={"Range": "bytes=99999999999-"}).status_code == 416
        assert httpx.get(model).status_code == 200

    def a_file_is_damaged(self) -> None:
        """The server cannot give out an old version (503), until its file is whole again."""
        file = self.tidemill.folder / "models" / "default" / "1" / "model.onnx"
        address = f"{self.tidemill.url}/v1/models/default/versions/1/model.onnx"
        whole = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(whole[:-1])
        assert httpx.get(address).status_code == 503
        file.write_bytes(whole)
        assert httpx.get(address).status_code == 200

    def version(self) -> int:
        """Return the champion's version; 0 before the first."""
        with suppress(httpx.TransportError):
            answer = httpx.get(f"{self.tidemill.url}/v1/models/default/champion", timeout=5)
            if answer.status_code == 200:
                return int(answer.json()["version"])
        return 0

    # --- below ----------------------------------------------------------------------------------------------------

    def _settings(self) -> dict[str, dict[str, Any]]:
        return {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap,
                "topics": [TOPIC, OTHER],
                "announce_topic": MODELS,
                "session_timeout_ms": 6000,
            },
            "redis": {"url": self.redis.url, "socket_timeout_s": 1},
            "image": {"size": 16},
            "model": {"architecture": "model.network.mlp:mlp"},
            "round": ROUND,
            "publish": {"keep_s": 600},
            "learn": {"threads": 1},
        }

    def _make_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        try:
            plain = [NewTopic(TOPIC, 3, 1), *(NewTopic(name, 1, 1) for name in (OTHER, f"{TOPIC}.dlq", f"{OTHER}.dlq"))]
            admin.create_topics([*plain, NewTopic(MODELS, 1, 1, topic_configs={"cleanup.policy": "compact"})])
        finally:
            admin.close()

    def _image(self, label: str) -> bytes:
        pixels = np.clip(self._rng.normal(COLOURS[label], 25, (20, 20, 3)), 0, 255).astype(np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "PNG")
        return encoded.getvalue()

    def _rounds(self) -> float:
        return self._count("learn", "rounds_total")

    def _count(self, role: str, name: str) -> float:
        """Return a metric's value, over all labels; 0 while the role starts."""
        with suppress(httpx.TransportError):
            text = httpx.get(f"http://127.0.0.1:{self.tidemill.ports[role]}/metrics", timeout=5).text
            return sum(float(value) for value in re.findall(rf"^tidemill_{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))
        return 0.0

    def _follow(self, after: bool) -> None:
        """Do as a follower does: ask for the next version and fetch it. The one asks by number, the other by ETag."""
        model = f"{self.tidemill.url}/v1/models/default"
        asked: dict[str, Any] = {"wait": 2}
        headers = {"User-Agent": f"follower/{int(after)}"}
        with httpx.Client(timeout=20, headers=headers) as client:
            while not self._stop.wait(0.2):
                with suppress(httpx.TransportError):
                    answer = client.get(f"{model}/champion", params=asked)
                    if answer.status_code != 200:
                        continue
                    asked |= {"after": answer.json()["version"]} if after else {}
                    client.headers["If-None-Match"] = answer.headers["ETag"]
                    client.get(f"{model}/champion/model.onnx", headers={"If-None-Match": ""})
