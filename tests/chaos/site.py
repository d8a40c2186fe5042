"""A cluster at work, and all who watch it: producer, readers, vitals. What a part of the proof runs on."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos import books
from tests.chaos.cluster import SIZE, Cluster, Settings
from tests.chaos.producer import Producer
from tests.chaos.reader import FolderReader, HttpReader
from tests.chaos.report import Totals
from tests.chaos.vitals import Vitals
from tests.chaos.work import Work
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.roles import eventually

RATE = 50.0
"""Records a second: few enough for a learner on a busy machine, dead for half of the time, to keep up."""


class Site:
    """Use as `with Site(...) as site:`; inside everything runs and the first version is published."""

    def __init__(
        self,
        folder: Path,
        kafka: KafkaServer,
        redis: RedisServer,
        *,
        seed: int,
        rate: float = RATE,
        settings: Settings | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.say = say
        self.cluster = Cluster(folder, kafka, redis, settings=settings)
        self.producer = Producer(kafka.bootstrap, self.cluster.topic, size=SIZE, partitions=3, rate=rate, seed=seed)
        self.readers = (HttpReader(self.cluster.tidemill.url), FolderReader(self.cluster.repository))
        self.vitals = Vitals(self.cluster)
        self.work = Work(self.cluster, self.producer)
        self._evicts = "store" in (settings or {})
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.cluster.close)
            self.say("starting the roles")
            self.cluster.start()
            for one in (self.producer, *self.readers, self.vitals):
                stack.callback(one.stop)
                one.start()
            self.say("waiting for the first version")
            eventually(lambda: self.cluster.check_alive() or self.readers[1].seen.versions, "a first version", 120)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def check(self) -> None:
        """What can be checked at any moment: roles live, ranges tile and add up, no reader complains."""
        self.cluster.check_alive()
        books.check_ranges(self.cluster)
        for reader in self.readers:
            reader.check()

    def check_at_rest(self) -> Totals:
        """Stop producing, wait until all is learnt, stop everything in order, and check everything."""
        self.say("waiting until everything is learnt")
        self.producer.stop()
        self.cluster.wait_at_rest()
        self.say("checking the books")
        for one in (*self.readers, self.vitals):
            one.stop()
        for role in self.cluster.roles:
            if role.alive():
                status = role.stop()
                assert status == 0, f"{role.name} stopped with status {status}:\n{role.tail()}"
        acknowledged = self.producer.acknowledged()
        ranges = books.check_taken(self.cluster, acknowledged)
        stored = 0 if self._evicts else books.check_pictures(self.cluster, acknowledged, self.producer.offered)
        books.check_holdout(self.cluster)
        versions = books.check_versions(self.cluster)
        letters, twins = books.check_dead_letters(self.cluster, acknowledged)
        books.check_announced(self.cluster)
        for reader in self.readers:
            reader.check()
            books.check_pulled(self.cluster, reader.seen.versions)
        books.check_verified(self.cluster)
        return Totals(
            acknowledged=self.producer.total,
            records=ranges.records,
            rounds=ranges.rounds,
            versions=versions,
            pictures=stored,
            dead_letters=letters,
            dead_letter_twins=twins,
            pulls=sum(reader.seen.pulls for reader in self.readers),
            versions_pulled=sum(len(reader.seen.versions) for reader in self.readers),
        )
