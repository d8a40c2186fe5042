"""The keys of what carries records: Kafka, Redis, the buffer in it, and the images' form."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from daemon.config.redis_url import ESCAPES, is_address
from daemon.config.section import Bytes, Count, Section, shaped
from model.addresses import shown_address

TOPIC_WORDS = "1 to 249 letters, digits, dots, dashes and underscores"
TopicName = Annotated[str, shaped(r"^[A-Za-z0-9._-]+$", TOPIC_WORDS, max_length=249)]
SERVERS = r"^[^\s,@]+:\d{1,5}(\s*,\s*[^\s,@]+:\d{1,5})*$"
SERVER_WORDS = (
    "host:port, several joined by commas; a user and password go to kafka.sasl_username and kafka.sasl_password"
)
REDIS_WORDS = f"redis://host:port/database, rediss://… or unix:///path?db=0; {ESCAPES}"


class Kafka(Section):
    """Where records come from, and where dead letters and announcements go."""

    bootstrap_servers: Annotated[str, shaped(SERVERS, SERVER_WORDS)] = "localhost:9092"
    """Brokers to ask first, as host:port, several joined by commas."""
    topics: Annotated[
        tuple[TopicName, ...],
        Field(min_length=1, json_schema_extra={"right": f"one name or more, each of {TOPIC_WORDS}"}),
    ] = ("images",)
    """Topics of labelled images."""
    group: str = ""
    """Consumer group; empty: tidemill-<job>."""
    create_topics: bool = False
    """Make topics that do not exist at start, dead letters' and announcements' included."""
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 3
    """Partitions of a topic that is made."""
    announce_topic: TopicName = "models"
    """Compacted topic that each published version is announced on."""
    dlq_suffix: Annotated[
        str, shaped(r"^[A-Za-z0-9._-]+$", "1 to 64 letters, digits, dots, dashes and underscores", max_length=64)
    ] = ".dlq"
    """What a topic's name gets for its dead letters' topic."""
    session_timeout_ms: Annotated[int, Field(ge=1_000, le=1_800_000)] = 10_000
    """Milliseconds without a heartbeat after which the group takes an ingestor's partitions away."""
    request_timeout_ms: Annotated[int, Field(ge=1_000, le=500_000)] = 15_000
    """Milliseconds that a request to a broker may take."""
    max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Records that one poll brings at most."""
    max_poll_bytes: Annotated[int, Field(ge=1_024, le=1_000_000_000)] = 8_388_608
    """Bytes of records that one poll brings at most, or one record that is larger."""
    fetch_max_bytes: Annotated[int, Field(ge=1_024, le=1_000_000_000)] = 8_388_608
    """Bytes that one fetch from a broker brings at most, or one batch that is larger."""
    unpack_max_bytes: Annotated[int, Field(ge=1_024, le=1_000_000_000)] = 16_777_216
    """Bytes that a compressed batch may become, or twice its size where that is more."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """How the user is proven, with a SASL_ protocol."""
    sasl_username: str = ""
    """The user, with a SASL_ protocol."""
    sasl_password: SecretStr = SecretStr("")
    """The user's password, with a SASL_ protocol."""
    ssl_cafile: str = ""
    """A file of certificates to trust, with an SSL protocol; empty: the system's."""


class Redis(Section):
    """Where the buffer lives."""

    url: Annotated[SecretStr, Field(json_schema_extra={"right": REDIS_WORDS})] = SecretStr("redis://localhost:6379/0")
    """redis://[user:password@]host:port/database, rediss:// with TLS, or unix:///path?db=0."""
    socket_timeout_s: Annotated[float, Field(ge=0.1, le=60, allow_inf_nan=False)] = 5.0
    """Seconds that a command may take."""

    @field_validator("url", mode="after")
    @classmethod
    def _url_is_redis(cls, url: SecretStr) -> SecretStr:
        if not is_address(url.get_secret_value()):
            raise ValueError("not the address of a Redis server")
        return url

    @property
    def masked_url(self) -> str:
        """The address as it may be shown, in logs and on screens."""
        return shown_address(self.url.get_secret_value())


class Buffer(Section):
    """How much may wait in Redis."""

    bytes_max: Bytes = 1_000_000_000
    """Bytes of all waiting samples together, at which ingestors pause."""
    low_water: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Fraction of bytes_max below which paused ingestors go on."""
    batch_records: Annotated[int, Field(ge=1, le=1_000)] = 64
    """Records of one partition that are appended at once; fewer where images are large (64 MiB of pixels)."""


class Image(Section):
    """What an image may be, and what it becomes."""

    size: Annotated[int, Field(ge=8, le=1024)] = 64
    """Pixels, square: what is stored and what the model sees."""
    max_bytes: Bytes = 10_000_000
    """Bytes of an encoded image; a larger one is a dead letter (too_large)."""
    max_pixels: Count = 50_000_000
    """Pixels of an image before it is resized; a larger one is a dead letter (too_many_pixels)."""
