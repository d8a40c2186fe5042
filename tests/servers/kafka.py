"""A real Apache Kafka for tests: one node, KRaft, its own folder, loopback ports that survive a restart."""

import shutil
import signal
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from daemon.local.process import LocalProcess, free_port
from tests.servers.fetch_kafka import LIBS

START_TIMEOUT_S = 90.0
JAVA = ("java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{LIBS}/*")
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
# A killed broker is back in 6 s rather than 13 with these two.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
# Retention is looked at often, so that a test can wait for it.
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
"""


class KafkaServer:
    """Starts with `start`, may then be stopped, killed, paused and started again on the same data; `close` ends it."""

    def __init__(self, extra: str = "") -> None:
        """`extra` are further lines of server.properties."""
        self.folder = Path(tempfile.mkdtemp(prefix="tidemill-test-kafka-"))
        self.port = free_port()
        self._properties = self.folder / "server.properties"
        text = PROPERTIES.format(port=self.port, controller=free_port(), data=self.folder / "data")
        self._properties.write_text(f"{text}{extra}\n")
        self._process: LocalProcess | None = None
        self._paused = False

    @property
    def bootstrap(self) -> str:
        """The broker's address, host:port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and return once every partition has a leader. Raises LocalServerFailedError."""
        if not (self.folder / "data").exists():
            self._format()
        self._process = LocalProcess([*JAVA, "kafka.Kafka", str(self._properties)], self.folder, grace_s=20)
        self._process.wait_until(self.answers, START_TIMEOUT_S)

    def stop(self) -> None:
        """Stop in order. The data stays."""
        self._running().stop(keep_folder=True)

    def kill(self) -> None:
        """Kill as a crash would. The data stays."""
        self._running().kill()

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        self._paused = True
        self._running().signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        self._paused = False
        self._running().signal(signal.SIGCONT)

    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.alive()

    def ensure(self) -> None:
        """Bring it back from whatever a test did to it."""
        if not self.alive():
            self.start()
        elif self._paused:
            self.resume()
            self._running().wait_until(self.answers, START_TIMEOUT_S)

    def close(self) -> None:
        """Kill it and remove its folder."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self) -> bool:
        """Return whether the broker answers and leads every partition."""
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=2000)
        except KafkaError:
            return False
        try:
            nodes = admin.describe_cluster()["brokers"]
            partitions = [part for topic in admin.describe_topics() for part in topic["partitions"]]
            return bool(nodes) and all(part["leader_id"] >= 0 for part in partitions)
        except KafkaError:
            return False
        finally:
            admin.close()

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*JAVA, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            said = f"{done.stdout}{done.stderr}"
            raise RuntimeError(f"Kafka's storage could not be formatted; `make kafka` fetches what it needs: {said}")

    def _running(self) -> LocalProcess:
        assert self._process is not None, "the server was never started"
        return self._process
