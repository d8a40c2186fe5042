"""How far this host's clock is from that of Redis, by every role that keeps something there."""

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family


class ClockMetrics:
    """Shows the skew that was seen last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._skew = Family(registry).optional(
            "clock_skew_seconds", "This host's clock less that of Redis, as last seen; above 0: ours is ahead."
        )

    def skewed(self, seconds: float) -> None:
        """Show it."""
        self._skew.set(seconds)
