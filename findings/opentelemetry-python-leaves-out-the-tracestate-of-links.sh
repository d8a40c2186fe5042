#!/bin/sh
# OpenTelemetry for Python: the OTLP exporter does not send the tracestate of a span's links. A link made of a valid W3C
# context with a tracestate keeps it in memory (link.context.trace_state), OTLP has a field for it (Span.Link.trace_state),
# and the encoded link has that field empty; trace and span id arrive. Whoever links a consumer's span to the producers of a
# batch of Kafka records, as the semantic conventions for messaging advise, loses what vendors put there.
#
# Why: _encode_links (opentelemetry/exporter/otlp/proto/common/_internal/trace_encoder/__init__.py) fills trace_id, span_id,
# attributes, dropped_attributes_count and flags only; for the span itself _encode_span does fill trace_state.
# A way round it: the tracestate as an attribute of the link.
#
# Versions: opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http 1.45.2. Date: 2026-11-27.
# Source: the packages themselves, run here.
# Ends with 0 where it behaves as described, with 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

borne = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "vendor=value"}
context = TraceContextTextMapPropagator().extract(borne)
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
tracer = provider.get_tracer("finding")
tracer.start_span("batch", links=[Link(get_current_span(context).get_span_context())]).end()
tracer.start_span("child", context=context).end()
print("opentelemetry-exporter-otlp-proto-http", version("opentelemetry-exporter-otlp-proto-http"))
batch, child = encode_spans(memory.get_finished_spans()).resource_spans[0].scope_spans[0].spans
link = batch.links[0]
kept = memory.get_finished_spans()[0].links[0].context.trace_state.to_header()
print(f"the link in memory:    tracestate {kept!r}")
print(f"the link as sent:      trace {link.trace_id.hex()}, tracestate {link.trace_state!r}")
print(f"a child span as sent:  tracestate {child.trace_state!r}")
as_described = kept == "vendor=value" and link.trace_id and link.trace_state == "" and child.trace_state == "vendor=value"
print("as described" if as_described else "this has changed")
sys.exit(0 if as_described else 1)
PYTHON
