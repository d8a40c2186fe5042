"""What a role may take at most, beside what it takes, so that an alert needs no copy of the configuration."""

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family


def show_buffer_limit(registry: CollectorRegistry, bytes_max: int) -> None:
    """Show `buffer.bytes_max`."""
    Family(registry).gauge("buffer_limit_bytes", "Bytes in Redis at which ingestors pause.").set(bytes_max)
