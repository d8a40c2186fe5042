"""Registries, and the metrics of one registry under Tidemill's prefix."""

from collections.abc import Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from daemon.metrics.optional import OptionalGauge

PREFIX = "tidemill"


def new_registry() -> CollectorRegistry:
    """Return a registry with what is known of the process itself: memory, files, CPU seconds, garbage collection."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class Family:
    """Makes metrics of one registry, with the prefix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        """Make a counter."""
        return Counter(name, text, labels, namespace=PREFIX, registry=self._registry)

    def gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        """Make a gauge. One without labels is 0 from the start: see `optional` where that would not be true."""
        return Gauge(name, text, labels, namespace=PREFIX, registry=self._registry)

    def optional(self, name: str, text: str) -> OptionalGauge:
        """Make a gauge without labels that is not there before it is set."""
        return OptionalGauge(self._registry, f"{PREFIX}_{name}", text)

    def histogram(self, name: str, text: str, buckets: Sequence[float], labels: Iterable[str] = ()) -> Histogram:
        """Make a histogram."""
        return Histogram(name, text, labels, namespace=PREFIX, registry=self._registry, buckets=buckets)
