"""Everything of one job on one machine: topics on a real broker, a real Redis, and the roles as processes."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from model.store.errors import StateError
from model.store.ledger import Ledger
from streaming.buffer import LogState
from streaming.redis_buffer import RedisLearnBuffer
from streaming.redis_client import RedisConnection
from tests.chaos.process import RoleProcess
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.roles import Tidemill, eventually, free_port

SIZE = 8
JOB = "default"
MODEL = "default"
WAIT_S = 120.0
"""For what must come sooner or later: a loaded machine has time."""

SETTINGS: dict[str, dict[str, Any]] = {
    "kafka": {"session_timeout_ms": 3000, "request_timeout_ms": 5000},
    "redis": {"socket_timeout_s": 2.0},
    "image": {"size": SIZE},
    "model": {"architecture": "model.network.mlp:mlp"},
    "round": {"samples": 256, "min_samples": 16, "max_wait_s": 2, "poll_s": 0.1, "batch": 32, "steps_max": 200},
    "store": {"versions_kept": 3},
    "publish": {"keep": 5, "keep_s": 20},
    "ingest": {"workers": 1},
    "learn": {"threads": 1},
    "log": {"format": "json"},
}
"""Small and quick; every timeout is at most ten seconds. Windows are large, so that a learner catches up fast.

Versions go soon, but not before the readers, who look every 50 ms, are done with them.
"""

Settings = Mapping[str, Mapping[str, Any]]


class Cluster:
    """`start` starts the roles, `close` ends them; broker and Redis run already, and are whoever's who gave them."""

    def __init__(
        self,
        folder: Path,
        kafka: KafkaServer,
        redis: RedisServer,
        *,
        partitions: int = 3,
        ingestors: int = 2,
        settings: Settings | None = None,
        topic: str = "",
    ) -> None:
        """`settings` are laid over SETTINGS, section by section; `topic` is made unless it is named."""
        self.folder = folder
        self.kafka = kafka
        self.redis = redis
        self.topic = topic or f"images-{uuid.uuid4().hex[:8]}"
        self.announced = f"{self.topic}.models"
        if not topic:
            self._make_topics(partitions)
        self.tidemill = Tidemill(folder, self._settings(settings or {}))
        self.state, self.repository = folder / "state", folder / "models"
        config = ["--config", str(self.tidemill.file)]
        self.learner = RoleProcess("learn", ["learn", *config], folder)
        self.server = RoleProcess("serve", ["serve", *config], folder)
        self.ingestors: list[RoleProcess] = []
        self.health: dict[str, str] = {
            "learn": f"http://127.0.0.1:{self.tidemill.ports['learn']}",
            "serve": self.tidemill.url,
        }
        for _ in range(ingestors):
            self.add_ingestor()
        self._connection = RedisConnection(redis.url, 2.0)
        self.buffer = RedisLearnBuffer(self._connection, JOB)

    def _settings(self, more: Settings) -> dict[str, dict[str, Any]]:
        own: Settings = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap,
                "topics": [self.topic],
                "announce_topic": self.announced,
            },
            "redis": {"url": self.redis.url},
        }
        tree: dict[str, dict[str, Any]] = {}
        for layer in (SETTINGS, own, more):
            for section, keys in layer.items():
                tree[section] = {**tree.get(section, {}), **keys}
        return tree

    # --- the roles -----------------------------------------------------------------------------------------------

    @property
    def roles(self) -> list[RoleProcess]:
        """All of them, those that were added included."""
        return [*self.ingestors, self.learner, self.server]

    def start(self) -> None:
        """Start every role, and return once each is ready."""
        for role in self.roles:
            role.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return once every role says that it is ready. Raises UnexpectedEndError where one ends instead."""
        for role in self.roles:
            eventually(lambda role=role: role.check_alive() or self.is_ready(role), f"{role.name} ready", WAIT_S)

    def is_ready(self, role: RoleProcess) -> bool:
        """Return whether /readyz of the role says so now."""
        try:
            return httpx.get(f"{self.health[role.name]}/readyz", timeout=3).status_code == 200
        except httpx.TransportError:
            return False

    def add_ingestor(self) -> RoleProcess:
        """Return a further ingestor, which is not started yet."""
        name, port = f"ingest-{len(self.ingestors)}", free_port()
        sets = ["--set", f"ingest.port={port}", "--set", f"ingest.name={name}"]
        one = RoleProcess(name, ["ingest", "--config", str(self.tidemill.file), *sets], self.folder)
        self.health[name] = f"http://127.0.0.1:{port}"
        self.ingestors.append(one)
        return one

    def check_alive(self) -> None:
        """Raise UnexpectedEndError where a role has ended by itself."""
        for role in self.roles:
            role.check_alive()

    def close(self) -> None:
        """Kill the roles that live; files, topics and servers stay."""
        for role in self.roles:
            role.close()
        self._connection.close()

    def logs(self) -> str:
        """Return the ends of all logs, for a failure's message."""
        return "\n".join(f"== {role.log.name}\n{role.tail()}" for role in self.roles)

    # --- what is where -------------------------------------------------------------------------------------------

    def taken(self) -> dict[int, int]:
        """Return for each partition the position of its stream: what is taken in. Raises BufferUnavailableError."""
        return {state.log.partition: state.position for state in self.streams()}

    def streams(self) -> list[LogState]:
        """Return what the buffer knows of the topic's logs. Raises BufferUnavailableError."""
        return [state for state in self.buffer.logs() if state.log.topic == self.topic]

    def learnt(self) -> dict[int, int]:
        """Return for each partition the position up to which rounds were committed."""
        with self.ledger() as ledger:
            return {key.partition: position for key, position in ledger.positions().items() if key.topic == self.topic}

    def last_round(self) -> int:
        """Return the number of the last committed round; 0 before the first, and while there is no database yet."""
        try:
            ledger = self.ledger()
        except StateError:
            return 0
        with ledger:
            return ledger.last_round()

    def ledger(self) -> Ledger:
        """Open the learner's database beside it, to read. Raises StateError before there is one."""
        return Ledger.read_only(self.state)

    def ends(self, topic: str = "") -> dict[int, int]:
        """Return for each partition the log's end."""
        with self._consumer() as consumer:
            places = [TopicPartition(topic or self.topic, one) for one in sorted(self.partitions(topic))]
            return {place.partition: end for place, end in consumer.end_offsets(places).items()}

    def partitions(self, topic: str = "") -> set[int]:
        """Return the topic's partitions."""
        with self.admin() as admin:
            (found,) = admin.describe_topics([topic or self.topic])
            return {one["partition_index"] for one in found["partitions"]}

    def add_partition(self) -> int:
        """Give the topic one more partition; return how many there are now."""
        count = len(self.partitions()) + 1
        with self.admin() as admin:
            admin.create_partitions({self.topic: count})
        return count

    def records(self, topic: str) -> list[Any]:
        """Return every record that lies in a topic now."""
        ends = self.ends(topic)
        found: list[Any] = []
        with self._consumer() as consumer:
            places = [TopicPartition(topic, one) for one, end in ends.items() if end]
            consumer.assign(places)
            if places:
                consumer.seek_to_beginning(*places)
            while any(consumer.position(place) < ends[place.partition] for place in places):
                for several in consumer.poll(timeout_ms=500).values():
                    found += several
        return found

    def at_rest(self) -> bool:
        """Return whether everything that lies in the topic is learnt, and the newest version published."""
        if not self.last_round():
            return False
        learnt = self.learnt()
        if any(learnt.get(partition, 0) < end for partition, end in self.ends().items()):
            return False
        with self.ledger() as ledger:
            return ledger.unpublished() is None and ledger.open_claim() is None

    def wait_at_rest(self, *roles: RoleProcess, timeout_s: float = WAIT_S) -> None:
        """Wait until `at_rest`, while these roles live on (none given: all) and rounds go on being committed."""
        living = roles or self.roles
        rounds, since = self.last_round(), time.monotonic()
        while not self.at_rest():
            for role in living:
                role.check_alive()
            if self.last_round() > rounds:
                rounds, since = self.last_round(), time.monotonic()
            waited = time.monotonic() - since
            assert waited < timeout_s, f"not all is learnt, and no round ended for {waited:.0f} s\n{self.logs()}"
            time.sleep(0.3)

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """An admin client of the broker, for the length of the block."""
        client = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def _consumer(self) -> Iterator[Any]:
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, enable_auto_commit=False)
        try:
            yield consumer
        finally:
            consumer.close(autocommit=False)

    def _make_topics(self, partitions: int) -> None:
        with self.admin() as admin:
            compacted = {"cleanup.policy": "compact"}
            admin.create_topics(
                [
                    NewTopic(self.topic, partitions, 1),
                    NewTopic(f"{self.topic}.dlq", 1, 1),
                    NewTopic(self.announced, 1, 1, topic_configs=compacted),
                ]
            )
