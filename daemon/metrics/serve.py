"""What the server counts."""

import re

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family

_CODE = re.compile(r"[1-5]\d\d\Z")


class ServeMetrics:
    """Counts answered requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Family(registry).counter(
            "http_requests_total", "Requests answered, by route and status code.", ("route", "code")
        )

    def answered(self, route: str, code: int) -> None:
        """Count an answer; `route` is a template, as `/v1/models/{name}`, never a path as asked."""
        text = str(code)
        self._requests.labels(route, text if _CODE.match(text) else "other").inc()
