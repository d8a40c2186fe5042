"""Puts an ingestor together from plain values."""

from collections.abc import Callable
from dataclasses import dataclass

from daemon.ingest import faults
from daemon.ingest.ingestor import Ingestor
from daemon.ingest.observer import IngestObserver, SilentObserver
from daemon.ingest.options import IngestOptions
from daemon.outage import SILENT, OutageObserver
from daemon.tracing.spans import NO_INGEST_SPANS, IngestSpans
from streaming.buffer import IngestBuffer
from streaming.dead_letters import DeadLetterOptions, DeadLetters
from streaming.decoder import Decoder
from streaming.kafka_options import KafkaOptions
from streaming.kafka_source import KafkaSource, SourceOptions


@dataclass(frozen=True, slots=True)
class IngestorParts:
    """All options of one ingestor."""

    kafka: KafkaOptions
    source: SourceOptions
    dead_letters: DeadLetterOptions
    ingest: IngestOptions


def build_ingestor(
    parts: IngestorParts,
    decoder: Decoder,
    buffer: IngestBuffer,
    clock: Callable[[], float],
    now_ms: Callable[[], int],
    observer: IngestObserver | None = None,
    reached: Callable[[str], None] = faults.nothing,
    outages: OutageObserver = SILENT,
    skewed: Callable[[float], None] = lambda _skew_s: None,
    spans: IngestSpans = NO_INGEST_SPANS,
) -> Ingestor:
    """Return an ingestor of real Kafka. Nothing is connected before its first turn.

    `clock` gives seconds that only grow, `now_ms` the time of day in milliseconds; `reached` is told each fault point.
    """
    return Ingestor(
        source=KafkaSource(parts.kafka, parts.source),
        buffer=buffer,
        decoder=decoder,
        dead_letters=DeadLetters(parts.kafka, parts.dead_letters),
        options=parts.ingest,
        observer=observer or SilentObserver(),
        clock=clock,
        now_ms=now_ms,
        reached=reached,
        outages=outages,
        skewed=skewed,
        spans=spans,
    )
