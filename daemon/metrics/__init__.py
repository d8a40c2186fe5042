"""The one place that knows metric names. Each role has a registry of its own; observers are told facts, these count.

No label is unbounded: topics and partitions are configured, reasons, stages, outcomes and roles are closed lists, and
`class_accuracy` keeps to the worst classes.
"""

from daemon.metrics.build import show_build
from daemon.metrics.clock import ClockMetrics
from daemon.metrics.disk import DiskMetrics
from daemon.metrics.family import PREFIX, new_registry
from daemon.metrics.ingest import IngestMetrics
from daemon.metrics.learn import LearnMetrics
from daemon.metrics.limits import show_buffer_limit
from daemon.metrics.outage import OutageMetrics
from daemon.metrics.quality import CLASSES_MAX
from daemon.metrics.redis import RedisMetrics
from daemon.metrics.run import RunMetrics
from daemon.metrics.serve import ServeMetrics

__all__ = [
    "CLASSES_MAX",
    "PREFIX",
    "ClockMetrics",
    "DiskMetrics",
    "IngestMetrics",
    "LearnMetrics",
    "OutageMetrics",
    "RedisMetrics",
    "RunMetrics",
    "ServeMetrics",
    "new_registry",
    "show_buffer_limit",
    "show_build",
]
