"""What is counted of outages, by every role that waits for something."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family
from daemon.outage import Need


class OutageMetrics:
    """An `OutageObserver` that counts. Seconds grow while the outage lasts, with each try."""

    def __init__(self, registry: CollectorRegistry, needs: Iterable[Need], now_ms: Callable[[], int]) -> None:
        """`needs` stand there from the start; `now_ms` is the time of day in milliseconds."""
        make = Family(registry)
        self._now_ms = now_ms
        self._retries = make.counter("retries_total", "Tries that failed and are made again.", ("what",))
        self._seconds = make.counter("outage_seconds_total", "Seconds of outages.", ("what",))
        self._lasts = make.gauge("outage_ongoing", "1 while an outage lasts.", ("what",))
        self._since = make.gauge(
            "outage_since_timestamp_seconds",
            "When the outage that lasts now began; absent while there is none.",
            ("what",),
        )
        self._ongoing: set[Need] = set()
        for need in needs:
            for metric in (self._retries, self._seconds, self._lasts):
                metric.labels(need.value)

    def failed(self, need: Need, seconds: float) -> None:
        """Count a try, and show since when there is an outage."""
        self._retries.labels(need.value).inc()
        self._seconds.labels(need.value).inc(seconds)
        if need not in self._ongoing:
            self._ongoing.add(need)
            self._since.labels(need.value).set(self._now_ms() / 1000)
            self._lasts.labels(need.value).set(1)

    def recovered(self, need: Need, seconds: float) -> None:
        """Show that it is over."""
        self._seconds.labels(need.value).inc(seconds)
        self._ongoing.discard(need)
        self._lasts.labels(need.value).set(0)
        with suppress(KeyError):
            self._since.remove(need.value)
