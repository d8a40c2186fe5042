"""The whole configuration: one frozen tree, in which no key contradicts another."""

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from daemon.config.conflicts import conflicts
from daemon.config.learning import Gate, Learning, Model, Round, Store
from daemon.config.publishing import Publish
from daemon.config.pulling import Pull
from daemon.config.roles import Http, Ingest, Learn, Log, Paths, Run
from daemon.config.section import Name, Section
from daemon.config.streaming import Buffer, Image, Kafka, Redis


class Config(Section):
    """Everything that Tidemill can be told. `Config()` holds the defaults and reads nothing from outside."""

    job: Name = "default"
    """The job's name: in the keys of Redis and in the consumer group."""
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    buffer: Buffer = Buffer()
    image: Image = Image()
    model: Model = Model()
    round: Round = Round()
    learning: Learning = Learning()
    gate: Gate = Gate()
    store: Store = Store()
    publish: Publish = Publish()
    paths: Paths = Paths()
    http: Http = Http()
    ingest: Ingest = Ingest()
    learn: Learn = Learn()
    log: Log = Log()
    run: Run = Run()
    pull: Pull = Pull()

    @property
    def group(self) -> str:
        """The consumer group of the ingestors."""
        return self.kafka.group or f"tidemill-{self.job}"

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if found := tuple(conflicts(self)):
            text = "; ".join(f"{one.key}: {one.expected}" for one in found)
            raise PydanticCustomError("conflict", "{text}", {"text": text, "conflicts": found})
        return self
