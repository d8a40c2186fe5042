"""Tells Kafka of a new version: key is the model's name, value the manifest, on a compacted topic."""

from typing import Any

from kafka import KafkaProducer

from streaming.kafka_admin import COMPACTED, KafkaAdmin, TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaRefusedError, KafkaUnavailableError, translated

ACKNOWLEDGE_TIMEOUT_S = 10.0


class Announcer:
    """Connects with the first announcement, and anew after a failed one. Looks for the topic before each."""

    def __init__(self, kafka: KafkaOptions, topic: str, *, create: bool) -> None:
        """`create`: make the topic, of one partition and compacted, where it is missing."""
        self._kafka = kafka
        self._topic = topic
        self._create = create
        self._producer: Any = None

    def announce(self, model: str, manifest: str) -> None:
        """Return once Kafka has acknowledged the manifest (JSON). To announce again is safe.

        Takes some ten seconds at most. Raises TopicMissingError, KafkaUnavailableError, KafkaRefusedError.
        """
        try:
            # Asked each time: a client whose topic was deleted waits for it, and then says that nobody answers.
            self._ensure_topic()
            with translated(self._kafka):
                future = self._connected().send(self._topic, key=model.encode(), value=manifest.encode())
                future.get(timeout=ACKNOWLEDGE_TIMEOUT_S)
        except (TopicMissingError, KafkaUnavailableError, KafkaRefusedError):
            # kafka-python's idempotent producer may never send again after an error (3.0.12, tried).
            self.close()
            raise

    def close(self) -> None:
        """Close the connection. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=1)

    def _connected(self) -> Any:
        if self._producer is None:
            timeout_ms = int(ACKNOWLEDGE_TIMEOUT_S * 500)
            self._producer = self._kafka.new(
                KafkaProducer,
                request_timeout_ms=min(timeout_ms, self._kafka.request_timeout_ms),
                acks="all",
                enable_idempotence=True,
                max_block_ms=timeout_ms,
                delivery_timeout_ms=2 * timeout_ms,
                metrics_enabled=False,
            )
        return self._producer

    def _ensure_topic(self) -> None:
        admin = KafkaAdmin(self._kafka)
        try:
            admin.ensure(self._topic, create=self._create, configs=COMPACTED)
        finally:
            admin.close()
