"""A histogram for what happens thousands of times a second: counted a slice at a time, shown as any other."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.metrics.family import PREFIX


class Buckets(Collector):
    """Safe to use from several threads. The client's own histogram takes its locks three times for each value."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, bounds: Sequence[float]) -> None:
        """`bounds` ascend; the last bucket, without a bound, is added."""
        self._name = f"{PREFIX}_{name}"
        self._text = text
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def add(self, values: Iterable[float]) -> None:
        """Count some values."""
        with self._lock:
            for value in values:
                self._counts[bisect_left(self._bounds, value)] += 1
                self._sum += value

    def collect(self) -> Iterator[Metric]:
        """Return the family, each bucket with all that is below it."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        below, buckets = 0, []
        for bound, count in zip((*map(repr, self._bounds), "+Inf"), counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        family = HistogramMetricFamily(self._name, self._text)
        family.add_metric([], buckets, total)
        yield family
