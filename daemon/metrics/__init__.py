"""The one place that knows metric names. Each role has a registry of its own; observers are told facts, these count.

No label is unbounded: topics and partitions are configured, reasons, stages, outcomes and roles are closed lists, and
`class_accuracy` keeps to the worst classes.
"""

from daemon.metrics.clock import ClockMetrics
from daemon.metrics.family import PREFIX, new_registry
from daemon.metrics.ingest import IngestMetrics
from daemon.metrics.learn import CLASSES_MAX, LearnMetrics
from daemon.metrics.limits import show_buffer_limit
from daemon.metrics.outage import OutageMetrics
from daemon.metrics.run import RunMetrics
from daemon.metrics.serve import ServeMetrics

__all__ = [
    "CLASSES_MAX",
    "PREFIX",
    "ClockMetrics",
    "IngestMetrics",
    "LearnMetrics",
    "OutageMetrics",
    "RunMetrics",
    "ServeMetrics",
    "new_registry",
    "show_buffer_limit",
]
