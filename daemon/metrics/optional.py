"""A gauge without labels that is not there before it has a true value: 0 would be taken for one."""

import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class OptionalGauge(Collector):
    """Absent until `set`, and again after `clear`. Safe to use from several threads."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str) -> None:
        """`name` is the whole name."""
        self._name = name
        self._text = text
        self._value: float | None = None
        self._lock = threading.Lock()
        registry.register(self)

    def set(self, value: float) -> None:
        """Show `value`."""
        with self._lock:
            self._value = float(value)

    def clear(self) -> None:
        """Show nothing."""
        with self._lock:
            self._value = None

    def collect(self) -> Iterator[Metric]:
        """Return the family, with one sample or none."""
        with self._lock:
            value = self._value
        family = GaugeMetricFamily(self._name, self._text)
        if value is not None:
            family.add_metric([], value)
        yield family
