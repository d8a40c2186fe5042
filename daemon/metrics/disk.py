"""Room on the disks that a learner writes to."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.metrics.family import PREFIX
from model.disk import disk_of


class DiskMetrics(Collector):
    """Looks at the file systems whenever it is asked, so also in the middle of a long round."""

    def __init__(self, registry: CollectorRegistry, folders: Mapping[str, Path]) -> None:
        """`folders`: what each is called, and where it is; one that does not exist yet is shown by its parent's."""
        self._folders = dict(folders)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Return free bytes, as this user may use them, and size; what cannot be asked is left out."""
        free = GaugeMetricFamily(
            f"{PREFIX}_disk_free_bytes", "Bytes free on the folder's file system.", labels=("folder",)
        )
        size = GaugeMetricFamily(f"{PREFIX}_disk_size_bytes", "Size of the folder's file system.", labels=("folder",))
        for name, path in self._folders.items():
            found = disk_of(path)  # None: the learner itself says what is wrong with it
            if found is not None:
                free.add_metric([name], found.f_bavail * found.f_frsize)
                size.add_metric([name], found.f_blocks * found.f_frsize)
        yield free
        yield size
