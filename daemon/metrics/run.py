"""What the supervisor counts."""

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family


class RunMetrics:
    """Shows which roles of a supervisor live."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = Family(registry)
        self._up = make.gauge("role_up", "1 while the role's process lives.", ("role",))
        self._restarts = make.counter("role_restarts_total", "Restarts of a role that died.", ("role",))
        self._given_up = make.gauge(
            "role_given_up", "1 while the role is not started again: a person must act; /readyz says why.", ("role",)
        )

    def role_up(self, role: str, *, up: bool) -> None:
        """Show whether `role` lives."""
        self._up.labels(role).set(int(up))
        self._restarts.labels(role)

    def role_given_up(self, role: str, *, given_up: bool) -> None:
        """Show whether `role` is given up."""
        self._given_up.labels(role).set(int(given_up))

    def role_restarted(self, role: str) -> None:
        """Count a restart of `role`."""
        self._restarts.labels(role).inc()
