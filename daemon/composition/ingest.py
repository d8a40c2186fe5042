"""Builds an ingestor."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from daemon.composition.clocks import monotonic_s, now_ms
from daemon.composition.kafka import kafka_options
from daemon.composition.names import ingestor_name
from daemon.composition.redis import await_redis, redis_connection
from daemon.composition.tracing import ingest_spans
from daemon.config import Config
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.health import HealthServer
from daemon.ingest import faults
from daemon.ingest.build import IngestorParts, build_ingestor
from daemon.ingest.ingestor import Ingestor
from daemon.ingest.options import IngestOptions
from daemon.ingest.pictures import RecordPictures
from daemon.liveness import INGEST_TURN_MAX_S, BeatingStop, Pulse
from daemon.memory import return_large_blocks
from daemon.metrics import ClockMetrics, IngestMetrics, OutageMetrics, RedisMetrics, new_registry, show_build
from daemon.outage import Need, OutageObserver
from daemon.readiness import Check
from daemon.tracing.spans import IngestSpans
from model.pictures import ImageDecoder
from streaming.buffer import BufferMisconfiguredError, entries_at_once
from streaming.codecs import missing_codecs
from streaming.dead_letters import DeadLetterOptions
from streaming.decoder import Decoder
from streaming.kafka_options import KafkaRefusedError
from streaming.kafka_source import SourceOptions
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection

NEEDS = (Need.KAFKA, Need.REDIS, Need.REDIS_MEMORY, Need.EVICTION, Need.TOPIC, Need.DEAD_LETTERS)
"""What an ingestor may wait for."""
LETTER_IMAGES = 2
"""A dead letter goes whole up to twice image.max_bytes: the largest image as base64 is 4/3 of it."""
LETTER_BYTES_LEAST = 1_000_000
"""However small an image may be: key and headers of what is too large have to go somewhere."""

_log = structlog.get_logger()


def run_ingest(config: Config, stop: threading.Event, *, reached: Callable[[str], None] = faults.nothing) -> None:
    """Run an ingestor until `stop` is set. Raises OperatorError for what only an operator can cure.

    `reached` is told each named step of a record's way; tests end the process there.
    """
    return_large_blocks()
    for codec, package in missing_codecs().items():
        _log.warning("a codec of Kafka cannot be read", codec=codec, cure=f"install the Python package {package}")
    with ExitStack() as stack:
        registry = new_registry()
        show_build(registry, "ingest")
        outages = OutageMetrics(registry, NEEDS, now_ms)
        connection = redis_connection(config, RedisMetrics(registry).took)
        stack.callback(connection.close)
        clocks = ClockMetrics(registry)
        spans = stack.enter_context(ingest_spans(config, connection, ingestor_name(config)))
        metrics = IngestMetrics(registry, now_ms)
        ingestor = _ingestor(config, connection, metrics, outages, reached, clocks.skewed, spans)
        asks = [lambda name=check.name: _named(ingestor, name) for check in ingestor.checks()]
        pulse = stack.enter_context(Pulse("the ingestor's loop", INGEST_TURN_MAX_S, monotonic_s))
        health = stack.enter_context(HealthServer(registry, asks, pulse=pulse))
        health.start(config.http.host, config.ingest.port, "ingest.port")
        if not await_redis(connection, config, stop, monotonic_s, outages):
            return
        try:
            ingestor.run(BeatingStop(stop, pulse))
        except KafkaRefusedError as error:
            raise OperatorError(error.setting, str(error), error.cure, exit_code=PERSON_MUST_ACT) from error
        except BufferMisconfiguredError as error:
            cure = "Change the server, or name another"
            raise OperatorError("redis.url", str(error), cure, exit_code=PERSON_MUST_ACT) from error


def _named(ingestor: Ingestor, name: str) -> Check:
    return next(check for check in ingestor.checks() if check.name == name)


def _ingestor(
    config: Config,
    connection: RedisConnection,
    metrics: IngestMetrics,
    outages: OutageObserver,
    reached: Callable[[str], None],
    skewed: Callable[[float], None],
    spans: IngestSpans,
) -> Ingestor:
    kafka, image, buffer = config.kafka, config.image, config.buffer
    name = ingestor_name(config)
    parts = IngestorParts(
        kafka=kafka_options(config, name),
        source=SourceOptions(
            group=config.group,
            topics=kafka.topics,
            session_timeout_ms=kafka.session_timeout_ms,
            max_poll_records=kafka.max_poll_records,
            max_poll_bytes=kafka.max_poll_bytes,
            fetch_max_bytes=kafka.fetch_max_bytes,
            unpack_max_bytes=kafka.unpack_max_bytes,
            create_topics=kafka.create_topics,
            partitions=kafka.partitions,
        ),
        dead_letters=DeadLetterOptions(
            suffix=kafka.dlq_suffix,
            create_topics=kafka.create_topics,
            bytes_max=max(LETTER_BYTES_LEAST, LETTER_IMAGES * image.max_bytes),
        ),
        ingest=IngestOptions(
            name=name,
            job=config.job,
            servers=kafka.bootstrap_servers,
            batch_records=min(buffer.batch_records, entries_at_once(image.size)),
            bytes_max=buffer.bytes_max,
            low_water=buffer.low_water,
            records_in_hand=kafka.max_poll_records,
            workers=config.ingest.workers,
        ),
    )
    classes = frozenset(config.model.classes) or None
    images = ImageDecoder(image.size, image.max_bytes, image.max_pixels, config.ingest.decode_bytes_max)
    decoder = Decoder(RecordPictures(images), classes, metrics.decoded)
    return build_ingestor(
        parts,
        decoder,
        RedisIngestBuffer(connection, config.job, now_ms),
        monotonic_s,
        now_ms,
        metrics,
        reached,
        outages,
        skewed,
        spans,
    )
