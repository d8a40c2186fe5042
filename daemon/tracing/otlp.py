"""The spans of ingestor and learner, made with OpenTelemetry's SDK. Imported where `log.otlp` is set, and nowhere else.

A batch's span links to the contexts that its records bear; it is left beside the log (`streaming/batch_traces.py`), and
the span of the round that learns from it links to it.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, TraceFlags, Tracer, TraceState

from daemon.learn.observer import Stage
from daemon.tracing.limits import LINKS_MAX
from streaming.batch_traces import BatchTrace, BatchTraces
from streaming.buffer import BufferFullError, BufferUnavailableError
from streaming.records import Log, Record
from streaming.trace_context import TraceContext, trace_context

TRACESTATE = "w3c.tracestate"
JUST_NOW_NS = 500_000_000
"""A look at the buffer that a round begins with ended no longer ago."""


class OtlpBatchSpan:
    """The span of one batch, and what it leaves for the learner."""

    def __init__(self, span: Span, log: Log, records: Sequence[Record], traces: BatchTraces) -> None:
        self._span = span
        self._log = log
        self._records = records
        self._traces = traces

    def taken(self, *, stale: bool, dead: int) -> None:
        """See BatchSpan. Redis being away loses a link, and nothing else: whoever needs Redis meets it next."""
        self._span.set_attributes({"tidemill.stale": stale, "tidemill.dead_letters": dead})
        if stale:
            return
        trace = BatchTrace(self._records[0].offset, self._records[-1].offset + 1, _traceparent(self._span))
        try:
            self._traces.leave(self._log, trace)
        except (BufferFullError, BufferUnavailableError) as error:
            self._span.add_event("the learner's link is lost", {"reason": str(error)})


class OtlpIngestSpans:
    """Spans of batches."""

    def __init__(self, tracer: Tracer, traces: BatchTraces) -> None:
        self._tracer = tracer
        self._traces = traces

    @contextmanager
    def batch(self, log: Log, records: Sequence[Record]) -> Iterator[OtlpBatchSpan]:
        """See IngestSpans."""
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": log.topic,
            "messaging.destination.partition.id": str(log.partition),
            "messaging.batch.message_count": len(records),
            "tidemill.topic_id": log.topic_id,
            "tidemill.incarnation": log.incarnation,
            "tidemill.from": records[0].offset,
            "tidemill.to": records[-1].offset + 1,
        }
        links = [Link(context, _state_of(context)) for context in _distinct(_contexts(records))]
        with self._tracer.start_as_current_span(
            "ingest batch", kind=SpanKind.CONSUMER, attributes=attributes, links=links
        ) as span:
            ids = structlog.contextvars.bind_contextvars(trace_id=_trace_id(span))
            try:
                yield OtlpBatchSpan(span, log, records, self._traces)
            finally:
                structlog.contextvars.reset_contextvars(**ids)


class OtlpLearnSpans:
    """Spans of rounds and their stages. Of one thread, as rounds are."""

    def __init__(self, tracer: Tracer, traces: BatchTraces) -> None:
        self._tracer = tracer
        self._traces = traces
        self._round: Span | None = None
        self._taken: tuple[int, int] | None = None
        """When the last look at the buffer began and ended: the first stage, where a round begins with it."""

    @contextmanager
    def round(self) -> Iterator[None]:
        """See LearnSpans."""
        taken, self._taken = self._taken, None
        if taken and time.time_ns() - taken[1] > JUST_NOW_NS:
            taken = None
        with self._tracer.start_as_current_span("round", start_time=taken[0] if taken else None) as span:
            self._round = span
            structlog.contextvars.bind_contextvars(trace_id=_trace_id(span))
            if taken:
                self._tracer.start_span(Stage.TAKE.value, start_time=taken[0]).end(taken[1])
            try:
                yield
            finally:
                self._round = None

    def claimed(self, number: int, version: int, spans: Iterable[tuple[Log, int, int]]) -> None:
        """See LearnSpans."""
        if self._round is None:
            return
        self._round.set_attributes({"tidemill.round": number, "tidemill.candidate_version": version})
        batches = self._batches(spans)
        self._round.set_attribute("tidemill.batches", len(batches))
        for context in _distinct(_context_of(TraceContext(batch.traceparent)) for batch in batches):
            self._round.add_link(context)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """See LearnSpans. A publication that a former life left is a trace of its own."""
        if self._round is None and name != Stage.PUBLISH.value:
            began, self._taken = time.time_ns(), None
            yield
            self._taken = (began, time.time_ns()) if name == Stage.TAKE.value else None
            return
        with self._tracer.start_as_current_span(name):
            yield

    def _batches(self, spans: Iterable[tuple[Log, int, int]]) -> list[BatchTrace]:
        """Return the batches of a window. Redis being away loses links: a round needs nothing of it from here on."""
        found: list[BatchTrace] = []
        try:
            for log, start, end in spans:
                found += self._traces.within(log, start, end)
        except BufferUnavailableError as error:
            if self._round is not None:
                self._round.add_event("links to batches are lost", {"reason": str(error)})
        return found


def _contexts(records: Sequence[Record]) -> Iterator[SpanContext]:
    for record in records:
        borne = trace_context(record)
        if borne is not None:
            yield _context_of(borne)


def _context_of(borne: TraceContext) -> SpanContext:
    """Return the context that a valid traceparent means; its fields stand at fixed places in every version."""
    parent = borne.traceparent
    return SpanContext(
        trace_id=int(parent[3:35], 16),
        span_id=int(parent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(parent[53:55], 16)),
        trace_state=TraceState.from_header([borne.tracestate]) if borne.tracestate else None,
    )


def _distinct(contexts: Iterable[SpanContext]) -> list[SpanContext]:
    """Return the first LINKS_MAX that differ."""
    found: dict[tuple[int, int], SpanContext] = {}
    for context in contexts:
        found.setdefault((context.trace_id, context.span_id), context)
        if len(found) == LINKS_MAX:
            break
    return list(found.values())


def _state_of(context: SpanContext) -> dict[str, str]:
    """Return the context's tracestate as a link's attribute: the exporter leaves out the field that OTLP has for it."""
    state = context.trace_state.to_header()
    return {TRACESTATE: state} if state else {}


def _traceparent(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _trace_id(span: Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"
