"""What runs here: version and role."""

import platform

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family
from daemon.version import VERSION


def show_build(registry: CollectorRegistry, role: str) -> None:
    """Show what a process of `role` (ingest, learn, serve or run) was built from."""
    info = Family(registry).gauge("build_info", "Tidemill, Python and the role.", ("version", "python", "role"))
    info.labels(VERSION, platform.python_version(), role).set(1)
