"""What is asked of the brokers about topics: their ids, whether they exist, and to make them."""

from collections.abc import Collection, Mapping
from typing import Any

from kafka import IsolationLevel, KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from streaming.kafka_options import KafkaOptions, translated

ADMIN_TIMEOUT_MS = 5_000
"""Nothing asked here takes longer, and the ingestor asks between two polls."""

BROKERS_ASKED_MAX = 50
"""Of more brokers the first stand for all: they are mostly set up alike."""
_REQUEST_MAX = "socket.request.max.bytes"

COMPACTED = {"cleanup.policy": "compact"}


class TopicMissingError(Exception):
    """A topic does not exist, and nobody allowed us to make it. The message names the setting and the cure."""

    def __init__(self, topic: str, servers: str) -> None:
        super().__init__(
            f"topic {topic!r} does not exist at {servers}: create it, or set kafka.create_topics=true to have it made"
        )
        self.topic = topic


class KafkaAdmin:
    """One connection, made at the first question and kept.

    Every method raises KafkaUnavailableError or KafkaRefusedError.
    """

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._client: Any = None

    def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """Ask a broker now, not the client's memory, for the id of each topic; one that does not exist is left out."""
        with translated(self._options):
            described = self._connected().describe_topics(list(topics))
        for topic in described:
            error = errors.for_code(topic["error_code"])
            if error is errors.TopicAuthorizationFailedError:
                with translated(self._options):
                    raise error(f"topic {topic['name']}")
        return {topic["name"]: str(topic["topic_id"]) for topic in described if topic["error_code"] == 0}

    def partitions(self, topic: str) -> int:
        """Return how many partitions the topic has; 0 where it does not exist."""
        with translated(self._options):
            described = self._connected().describe_topics([topic])
        return sum(len(one["partitions"]) for one in described if one["error_code"] == 0)

    def led(self, topics: Collection[str]) -> set[tuple[str, int]]:
        """Return the partitions of these topics that have a leader, and so can be asked for something."""
        with translated(self._options):
            described = self._connected().describe_topics(list(topics))
        return {
            (topic["name"], one["partition_index"])
            for topic in described
            for one in topic["partitions"]
            if one["leader_id"] >= 0
        }

    def log_ends(self, places: Collection[Any]) -> dict[Any, int]:
        """Return where the logs of these TopicPartitions end, open transactions included."""
        with translated(self._options):
            found = self._connected().list_partition_offsets(
                dict.fromkeys(places, OffsetSpec.LATEST), isolation_level=IsolationLevel.READ_UNCOMMITTED
            )
        return {place: int(one.offset) for place, one in found.items()}

    def create(self, topic: str, partitions: int, configs: Mapping[str, str] | None = None) -> bool:
        """Make a topic and wait until it can be used; False where it was there already.

        How many replicas it gets is the brokers' default.
        """
        wanted = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": dict(configs or {})}}
        with translated(self._options):
            try:
                self._connected().create_topics(wanted, wait_for_metadata=True)
            except errors.TopicAlreadyExistsError:
                return False
        return True

    def ensure(
        self, topic: str, *, create: bool, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Make the topic where it does not exist and `create` allows it. Raises TopicMissingError where not."""
        if self.topic_ids([topic]):
            return
        if not create:
            raise TopicMissingError(topic, self._options.bootstrap_servers)
        self.create(topic, partitions, configs)

    def message_bytes_max(self, topic: str) -> int | None:
        """Return the largest batch that the topic accepts; None where the brokers do not tell."""
        with translated(self._options):
            try:
                found = self._connected().describe_configs(
                    [ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all"
                )
            except errors.BrokerResponseError:
                return None
        entry = found.get("topic", {}).get(topic, {}).get("max.message.bytes")
        return None if entry is None else int(entry["value"])

    def request_bytes_max(self) -> int | None:
        """Return the largest request that every broker accepts; None where they do not tell.

        A larger one is not refused: the broker closes the connection.
        """
        with translated(self._options):
            try:
                client = self._connected()
                there = [one for one in client.describe_cluster()["brokers"] if not one.get("is_fenced")]
                brokers = [str(one["broker_id"]) for one in there[:BROKERS_ASKED_MAX]]
                wanted = [ConfigResource(ConfigResourceType.BROKER, one, [_REQUEST_MAX]) for one in brokers]
                found = client.describe_configs(wanted, config_filter="all").get("broker", {})
            except errors.BrokerResponseError:
                return None
        told = [int(one[_REQUEST_MAX]["value"]) for one in found.values() if _REQUEST_MAX in one]
        return min(told) if told else None

    def close(self) -> None:
        """Close the connection. Never raises; the next question makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Any:
        if self._client is None:
            timeout_ms = min(self._options.request_timeout_ms, ADMIN_TIMEOUT_MS)
            self._client = self._options.new(KafkaAdminClient, request_timeout_ms=timeout_ms)
        return self._client
