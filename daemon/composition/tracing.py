"""Spans for a role, where `log.otlp` asks for them. Without it nothing of OpenTelemetry is imported."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from daemon.config import Config
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.tracing.spans import NO_INGEST_SPANS, NO_LEARN_SPANS, IngestSpans, LearnSpans
from daemon.version import VERSION
from streaming.batch_traces import RedisBatchTraces
from streaming.redis_client import RedisConnection

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


@contextmanager
def ingest_spans(config: Config, connection: RedisConnection, name: str) -> Iterator[IngestSpans]:
    """Yield what an ingestor of this name tells its batches to."""
    if not config.log.otlp:
        yield NO_INGEST_SPANS
        return
    with _tracer(config, "ingest", name) as tracer:
        from daemon.tracing.otlp import OtlpIngestSpans  # noqa: PLC0415 - loads OpenTelemetry

        yield OtlpIngestSpans(tracer, RedisBatchTraces(connection, config.job))


@contextmanager
def learn_spans(config: Config, connection: RedisConnection) -> Iterator[LearnSpans]:
    """Yield what the learner tells its rounds to."""
    if not config.log.otlp:
        yield NO_LEARN_SPANS
        return
    with _tracer(config, "learn", config.model.name) as tracer:
        from daemon.tracing.otlp import OtlpLearnSpans  # noqa: PLC0415 - loads OpenTelemetry

        yield OtlpLearnSpans(tracer, RedisBatchTraces(connection, config.job))


@contextmanager
def _tracer(config: Config, role: str, name: str) -> "Iterator[Tracer]":
    """Yield the role's tracer. Raises OperatorError where the packages are not installed."""
    if not _installed():
        what = f"log.otlp={config.log.otlp} needs OpenTelemetry's SDK and exporter, which are not installed"
        cure = "pip install 'tidemill[otlp]', or unset log.otlp"
        raise OperatorError("log.otlp", what, cure, exit_code=PERSON_MUST_ACT)
    from daemon.tracing.exporter import Exporting  # noqa: PLC0415 - loads OpenTelemetry

    attributes = {
        "service.name": f"tidemill-{role}",
        "service.version": VERSION,
        "service.instance.id": name,
        "tidemill.job": config.job,
    }
    exporting = Exporting(config.log.otlp, attributes)
    try:
        yield exporting.provider.get_tracer("tidemill", VERSION)
    finally:
        exporting.close()


def _installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in NEEDED)
    except ModuleNotFoundError:  # not even the package that it is in
        return False
