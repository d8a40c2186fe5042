"""What every role that speaks to Kafka builds alike."""

from daemon.config import Config
from streaming.kafka_options import KafkaOptions


def kafka_options(config: Config, client_id: str) -> KafkaOptions:
    """Return how the brokers are reached, for the client named `client_id`."""
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
