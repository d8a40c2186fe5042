"""Tells the `models` topic of each champion. Kafka being away never holds up the learner: the newest is told later."""

from typing import Protocol

from daemon.outage import Outage
from model.publishing.manifest import Manifest
from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError


class Announcer(Protocol):
    """Sends one announcement and waits for its acknowledgement."""

    def announce(self, key: str, value: str) -> None:
        """Raise KafkaUnavailableError, KafkaRefusedError or TopicMissingError when it was not acknowledged."""
        ...


class Announcements:
    """At most one announcement waits: the topic is compacted, so only the newest of a model counts."""

    def __init__(self, announcer: Announcer, outage: Outage) -> None:
        self._announcer = announcer
        self._outage = outage
        self._waiting: Manifest | None = None

    def tell(self, manifest: Manifest) -> None:
        """Announce the manifest now, or as soon as Kafka answers."""
        self._waiting = manifest
        self.retry()

    def retry(self) -> None:
        """Send what waits, where a try is due. Called at every turn of the learner."""
        if self._waiting is None or not self._outage.due:
            return
        try:
            self._announcer.announce(self._waiting.model, self._waiting.to_json())
        except (KafkaUnavailableError, KafkaRefusedError, TopicMissingError) as error:
            self._outage.failed(str(error))
            return
        self._waiting = None
        self._outage.recovered()
