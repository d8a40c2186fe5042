"""An ingestor on fakes: turns are counted, no time passes by itself."""

from dataclasses import dataclass, field

import pytest

from daemon.ingest import faults
from daemon.ingest.ingestor import Ingestor
from daemon.ingest.options import IngestOptions
from streaming.memory_buffer import MemoryBuffer
from streaming.records import Log
from tests.support.fake_kafka import Clock, FakeDecoder, FakeKafka, FakeLetters, FakeSource
from tests.support.ingestors import Watching


@dataclass
class Rig:
    kafka: FakeKafka
    options: dict = field(default_factory=dict)
    reached: object = faults.nothing

    def __post_init__(self):
        self.clock = Clock()
        self.buffer = MemoryBuffer()
        self.letters = FakeLetters()
        self.seen = Watching()
        self.ingestors = []
        self.begin()

    def begin(self, topics=("images",), **source):
        """A new process: nothing is left of the old one but Kafka and the buffer."""
        self.source = FakeSource(self.kafka, topics, **source)
        self.ingestor = Ingestor(
            self.source,
            self.buffer,
            FakeDecoder(),
            self.letters,
            IngestOptions(**({"name": "one", "workers": 1, "batch_records": 8} | self.options)),
            self.seen,
            self.clock,
            lambda: 5,
            self.reached,
        )
        self.ingestors.append(self.ingestor)

    def turn(self, turns=4, pass_s=0.0):
        for _ in range(turns):
            self.clock.pass_s(pass_s)
            self.ingestor.run_once()

    def log(self, partition=0, incarnation=0):
        return Log("images", self.kafka.topics["images"][0], partition, incarnation)

    def entries(self, log=None):
        return self.buffer.read(log or self.log(), 0, 10_000)

    def offsets(self, log=None):
        return [entry.offset for entry in self.entries(log)]


@pytest.fixture
def rig():
    made = []

    def make(*, partitions=1, **options):
        one = Rig(FakeKafka("images", partitions=partitions), options)
        made.append(one)
        return one

    yield make
    for one in made:
        for ingestor in one.ingestors:
            ingestor.close()
