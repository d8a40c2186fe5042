"""The same result: a learner that is killed in mid-round publishes byte for byte what an undisturbed one does."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from model.durable import file_sha256
from tests.chaos import books
from tests.chaos.cluster import MODEL, SIZE, Cluster
from tests.chaos.producer import Producer
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.roles import eventually

MID_ROUND = (
    "claim.after",
    "round.screen.after",
    "round.train.before",
    "round.train.after",
    "round.calibrate.after",
    "round.stage.before",
    "round.stage.after",
    "round.evaluate.after",
    "weights.before",
    "weights.after",
    "commit.before",
    "commit.inside",
)
"""Between claim and commit: what was done there is done again."""
RECORDS = 400
PARTITIONS = 3


class Twins:
    """Two jobs that learn the same records, all of which wait before either learner starts: so windows are the same."""

    def __init__(
        self,
        folder: Path,
        kafka: KafkaServer,
        redis: RedisServer,
        seed: int,
        *,
        records: int = RECORDS,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._folder = folder
        self._kafka = kafka
        self._redis = redis
        self._seed = seed
        self._records = records
        self._say = say
        self._topic = ""

    def run(self, kills: int) -> int:
        """Learn undisturbed, then killed so often; return how many versions are the same. Fails where one is not."""
        undisturbed = self._learn("undisturbed", [])
        draw = Random(f"{self._seed} same")
        killed = self._learn("killed", draw.sample(MID_ROUND, kills))
        assert undisturbed, "no version was published"
        assert killed == undisturbed, f"killed at {kills} steps: {killed}, undisturbed: {undisturbed}"
        return len(undisturbed)

    def _learn(self, name: str, kills: list[str]) -> dict[int, str]:
        """Return the digests of all versions that a learner publishes which is killed at these steps."""
        folder = self._folder / name
        folder.mkdir(parents=True)
        with self._redis.client() as client:
            client.flushall()
        settings = {"kafka": {"group": f"{name}-{self._seed}"}, "round": {"samples": 64}, "publish": {"keep": 10_000}}
        cluster = Cluster(
            folder, self._kafka, self._redis, partitions=PARTITIONS, ingestors=1, settings=settings, topic=self._topic
        )
        if not self._topic:
            self._topic = cluster.topic
            self._produce(cluster)
        try:
            self._fill(cluster, name)
            self._say(f"{name}: learning")
            cluster.learner.start()
            for point in kills:
                self._kill(cluster, point)
            cluster.wait_at_rest(cluster.learner)
            assert cluster.learner.stop() == 0, cluster.learner.tail()
            books.check_ranges(cluster)
            newest = books.check_versions(cluster)
            return {
                one: file_sha256(cluster.repository / MODEL / str(one) / "model.onnx") for one in range(1, newest + 1)
            }
        finally:
            cluster.close()

    def _produce(self, cluster: Cluster) -> None:
        producer = Producer(
            self._kafka.bootstrap, cluster.topic, size=SIZE, partitions=PARTITIONS, rate=0, seed=self._seed
        )
        producer.send(self._records)
        producer.stop()

    def _fill(self, cluster: Cluster, name: str) -> None:
        """Let an ingestor buffer everything, and stop it."""
        self._say(f"{name}: filling the buffer")
        (ingestor,) = cluster.ingestors
        ingestor.start()
        eventually(lambda: ingestor.check_alive() or cluster.taken() == cluster.ends(), "all records taken in", 120)
        assert ingestor.stop() == 0, ingestor.tail()

    def _kill(self, cluster: Cluster, point: str) -> None:
        self._say(f"killed: at {point}")
        learner = cluster.learner
        learner.light(point)
        eventually(lambda: not learner.alive() or cluster.at_rest(), f"the learner reached {point!r}", 120)
        if learner.unlight():
            assert learner.alive(), f"the learner ended by itself:\n{learner.tail()}"
            return  # everything was learnt before
        learner.start()
