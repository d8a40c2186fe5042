"""How the brokers are reached: one set of options for every client, and the errors that all of them share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kafka import errors

from streaming.kafka_client import BrokerWatch, NetClient

BOOTSTRAP_TIMEOUT_MS = 3_000
"""How long one try to reach the brokers lasts: short, so that a stop is noticed; the caller tries again."""
RECONNECT_BACKOFF_MAX_MS = 2_000
METADATA_MAX_AGE_MS = 5_000
"""A topic or partition that is made later is found within this."""


START_THEM = "start the brokers there, or set kafka.bootstrap_servers"


class KafkaUnavailableError(Exception):
    """The brokers do not answer, or not well. It may pass: try again. `cure` says what may be done."""

    def __init__(self, message: str, cure: str = START_THEM) -> None:
        super().__init__(message)
        self.cure = cure


class KafkaRefusedError(Exception):
    """The brokers refuse us: trying again does not help before someone changes something.

    `setting` names the key to look at, `cure` says what to do, as a sentence.
    """

    def __init__(self, message: str, setting: str, cure: str) -> None:
        super().__init__(message)
        self.setting = setting
        self.cure = cure


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Where the brokers are and how they are spoken to."""

    bootstrap_servers: str
    """host:port, several joined by commas."""
    client_id: str = "tidemill"
    request_timeout_ms: int = 15_000
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_cafile: str = ""
    brokers: BrokerWatch = field(default_factory=BrokerWatch, repr=False, compare=False)
    """What all clients of these options found out about the addresses that the brokers name."""

    @property
    def servers(self) -> list[str]:
        """The addresses one by one."""
        return [server.strip() for server in self.bootstrap_servers.split(",")]

    def client(self) -> dict[str, Any]:
        """Return the keyword arguments that consumer, producer and admin client of kafka-python share."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": self.client_id,
            "request_timeout_ms": self.request_timeout_ms,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism or None,
            "sasl_plain_username": self.sasl_username or None,
            "sasl_plain_password": self.sasl_password or None,
            "ssl_cafile": self.ssl_cafile or None,
            "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
            "reconnect_backoff_max_ms": RECONNECT_BACKOFF_MAX_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
            "kafka_client": partial(NetClient, self.brokers),
        }

    def new(self, kind: Callable[..., Any], **configs: Any) -> Any:
        """Make a KafkaConsumer, KafkaProducer or KafkaAdminClient with these options and `configs`, which win.

        Where its constructor raises, kafka-python leaves a thread running, with the files that it has opened (3.0.12,
        tried): three to seven for each try, while brokers are away. Here they are closed.
        """
        opened: list[NetClient] = []

        def net_client(**given: Any) -> NetClient:
            opened.append(NetClient(self.brokers, **given))
            return opened[0]

        try:
            return kind(**self.client() | configs | {"kafka_client": net_client})
        except BaseException:
            for one in opened:
                one.close()
            raise


_REFUSALS: dict[type[errors.KafkaError], tuple[str, str]] = {
    errors.TopicAuthorizationFailedError: ("kafka.topics", "Give this user the right to read and write the topic."),
    errors.GroupAuthorizationFailedError: ("kafka.group", "Give this user the right to use the consumer group."),
    errors.ClusterAuthorizationFailedError: ("kafka.sasl_username", "Give this user the rights that it needs."),
    errors.SaslAuthenticationFailedError: ("kafka.sasl_username", "Check kafka.sasl_mechanism, user and password."),
    errors.InvalidSessionTimeoutError: (
        "kafka.session_timeout_ms",
        "Choose one within the brokers' group.min.session.timeout.ms (6000) and group.max.session.timeout.ms.",
    ),
    errors.UnsupportedVersionError: ("kafka.bootstrap_servers", "Tidemill needs brokers of Kafka 2.8 or newer."),
}


@contextmanager
def translated(options: KafkaOptions) -> Iterator[None]:
    """Turn kafka-python's errors into ours; what is neither is a programming error and passes through."""
    try:
        yield
    except tuple(_REFUSALS) as error:
        setting, cure = next(value for kind, value in _REFUSALS.items() if isinstance(error, kind))
        raise KafkaRefusedError(f"Kafka at {options.bootstrap_servers} refuses: {error}", setting, cure) from error
    except (errors.KafkaConfigurationError, errors.IllegalStateError, errors.IllegalArgumentError):
        raise
    except (errors.KafkaError, OSError) as error:
        raise _unavailable(options, error) from error


def _unavailable(options: KafkaOptions, error: BaseException) -> KafkaUnavailableError:
    """Return what to say: which broker cannot be reached at the address that it names, if any; else the error's own.

    A broker that stands among `bootstrap_servers` is not told of apart: its address is the setting's.
    """
    lost = {address: why for address, why in options.brokers.unreachable().items() if address not in options.servers}
    if lost:
        named = ", ".join(f"{address} ({why})" for address, why in lost.items())
        cure = "set advertised.listeners of that broker to an address that this host can reach, or start the broker"
        return KafkaUnavailableError(f"Kafka names a broker that cannot be reached from here: {named}: {cure}", cure)
    text = str(error) or type(error).__name__
    if isinstance(error, errors.CorruptRecordError):
        cure = "nothing yet, for it is fetched anew; where it comes back, look at that broker's disk and network"
        return KafkaUnavailableError(f"Kafka at {options.bootstrap_servers} sent damaged records: {text}", cure)
    return KafkaUnavailableError(f"Kafka at {options.bootstrap_servers} does not answer: {text}")
