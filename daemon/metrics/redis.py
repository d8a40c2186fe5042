"""How long Redis takes, by every role that speaks to it."""

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family
from streaming.redis_client import COMMANDS

COMMAND_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
OTHER = "other"


class RedisMetrics:
    """Counts calls by command, scripts by their own names; what is on no list is `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Family(registry).histogram(
            "redis_command_seconds",
            "Seconds of each call of Redis, failed ones included; scripts by name.",
            COMMAND_BUCKETS_S,
            ("command",),
        )
        self._children = {name: self._seconds.labels(name) for name in (*COMMANDS, OTHER)}

    def took(self, command: str, seconds: float) -> None:
        """Count a call."""
        self._children.get(command, self._children[OTHER]).observe(seconds)
