"""A gauge of ages that grow between two looks: what is kept is since when, and what is subtracted is now."""

import threading
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.metrics.family import PREFIX


class AgeGauge(Collector):
    """Seconds, by labels. Safe to use from several threads."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], now_ms: Callable[[], int]
    ) -> None:
        """`now_ms` is the time of day in milliseconds."""
        self._name = f"{PREFIX}_{name}"
        self._text = text
        self._labels = tuple(labels)
        self._now_ms = now_ms
        self._since_ms: dict[tuple[str, ...], int | None] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def set(self, labels: tuple[str, ...], since_ms: int | None) -> None:
        """Show the age of what began then; None: 0, for there is nothing."""
        with self._lock:
            self._since_ms[labels] = since_ms

    def remove(self, labels: tuple[str, ...]) -> None:
        """Show nothing, also where nothing was shown."""
        with self._lock:
            self._since_ms.pop(labels, None)

    def collect(self) -> Iterator[Metric]:
        """Return the family. What lies ahead of this host's clock has the age 0."""
        with self._lock:
            since_ms = dict(self._since_ms)
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        for labels, began_ms in since_ms.items():
            age_s = 0.0 if began_ms is None else max(0.0, (self._now_ms() - began_ms) / 1000)
            family.add_metric(labels, age_s)
        yield family
