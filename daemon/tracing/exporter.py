"""Sends spans to a collector in the background, and never makes a role wait or fail: what cannot be sent is lost.

The one place beside `otlp.py` that loads OpenTelemetry; both are imported where `log.otlp` is set, and nowhere else.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from daemon.tracing.limits import ATTRIBUTES_MAX, EVENTS_MAX, LINKS_MAX, TEXT_MAX

PATH = "/v1/traces"
QUEUE_SPANS_MAX = 512
"""Spans that wait, each with up to LINKS_MAX links: some 30 MB at the very most, while the collector is away."""
BATCH_SPANS = 128
SEND_EVERY_S = 1.0
SEND_TIMEOUT_S = 5.0
"""For one batch, its retries included; in a thread of its own."""
FLUSH_S = 3.0
"""At the end of the process what waits is sent for so long; not at all while the collector is known to be away."""
AWAY_FLUSH_S = 0.5

log = structlog.get_logger()


class _Heard(logging.Handler):
    """Keeps the last words of OpenTelemetry's own loggers: they repeat at each try, so we say it once instead."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        if "reason" in str(record.msg) or "error" in str(record.msg).lower() or not self.words:
            self.words = record.getMessage()[:TEXT_MAX]


class TellingExporter(SpanExporter):
    """Says once when the collector does not take spans, and once when it does again."""

    def __init__(self, inner: SpanExporter, endpoint: str, why: Callable[[], str]) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._why = why
        self._lost = 0

    @property
    def away(self) -> bool:
        """Whether the last batch was not taken."""
        return self._lost > 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; what is not taken is lost."""
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                log.info("traces are taken again", endpoint=self._endpoint, lost=self._lost)
            self._lost = 0
        else:
            if not self._lost:
                cure = "see that a collector listens there, or unset log.otlp; nothing else waits for it"
                log.warning(
                    "traces are not taken, and are lost", endpoint=self._endpoint, reason=self._why(), cure=cure
                )
            self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Give up what is under way."""
        self._inner.shutdown()


class Exporting:
    """The provider of a role's tracers, and its end within a limit."""

    def __init__(self, endpoint: str, attributes: Mapping[str, str]) -> None:
        """`endpoint` is `log.otlp`; `attributes` say who sends."""
        heard = _Heard()
        theirs = logging.getLogger("opentelemetry")
        theirs.handlers[:], theirs.propagate = [heard], False
        url = url_of(endpoint)
        self._exporter = TellingExporter(OTLPSpanExporter(url, timeout=SEND_TIMEOUT_S), url, lambda: heard.words)
        limits = SpanLimits(
            max_span_attributes=ATTRIBUTES_MAX,
            max_events=EVENTS_MAX,
            max_links=LINKS_MAX,
            max_span_attribute_length=TEXT_MAX,
        )
        self.provider = TracerProvider(resource=Resource.create(attributes), span_limits=limits, shutdown_on_exit=False)
        self.provider.add_span_processor(
            BatchSpanProcessor(self._exporter, QUEUE_SPANS_MAX, SEND_EVERY_S * 1000, BATCH_SPANS)
        )

    def close(self) -> None:
        """Send what waits, for FLUSH_S seconds at most; what is left then is lost."""
        ending = threading.Thread(target=self.provider.shutdown, name="last traces", daemon=True)
        ending.start()
        ending.join(AWAY_FLUSH_S if self._exporter.away else FLUSH_S)
        if ending.is_alive():
            self._exporter.shutdown()


def url_of(endpoint: str) -> str:
    """Return where spans are sent: a URL without a path is a collector's, whose path for traces is known."""
    rest = endpoint.partition("://")[2]
    return endpoint.rstrip("/") + PATH if not rest.partition("/")[2] else endpoint
