"""Makes the clients of Kafka and Redis from the configuration: the one place where those keys are put together."""

import socket

from daemon.config import Config
from streaming.kafka_options import KafkaOptions
from streaming.redis_client import RedisConnection


def ingestor_name(config: Config) -> str:
    """Return the ingestor's name, which its brake goes by too: ingest.name, else the host's name."""
    return config.ingest.name or socket.gethostname()


def kafka_options(config: Config, client_id: str = "tidemill") -> KafkaOptions:
    """Return how the brokers are reached; `client_id` names us in their logs."""
    kafka = config.kafka
    return KafkaOptions(
        bootstrap_servers=kafka.bootstrap_servers,
        client_id=client_id,
        request_timeout_ms=kafka.request_timeout_ms,
        security_protocol=kafka.security_protocol,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value(),
        ssl_cafile=kafka.ssl_cafile,
    )


def redis_connection(config: Config) -> RedisConnection:
    """Return a connection to Redis; it connects with its first command."""
    return RedisConnection(config.redis.url.get_secret_value(), config.redis.socket_timeout_s)
