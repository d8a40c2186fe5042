"""What the server counts."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry

from daemon.metrics.family import Family
from daemon.metrics.followers import Client, Followers
from model.publishing.reader import Champion

_CODE = re.compile(r"[1-5]\d\d\Z")
REQUEST_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300)
MODELS_MAX = 20
"""Models that have series of their own."""


class ServeMetrics:
    """Counts answers, and shows what is served. `route` is a template, as `/v1/models/{name}`, never a path as asked.

    A long poll counts for the route with `?wait` behind it: how long it takes says nothing about the server.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        make = Family(registry)
        self._requests = make.counter(
            "http_requests_total", "Requests answered, by route and status code.", ("route", "code")
        )
        self._seconds = make.histogram(
            "http_request_seconds", "Seconds until the last byte of an answer was sent.", REQUEST_BUCKETS_S, ("route",)
        )
        self._bytes = make.counter("http_response_bytes_total", "Bytes of bodies sent.", ("route",))
        self._polls = make.gauge("long_polls", "Long polls open now.")
        self._version = make.gauge("model_version", "The version served as champion.", ("model",))
        self._info = make.gauge("model_info", "What the champion is.", ("model", "version", "architecture", "classes"))
        self._published = make.gauge(
            "model_published_timestamp_seconds", "When the champion was published.", ("model",)
        )
        self._followers = Followers(registry)
        self._shown: dict[str, Champion | None] = {}
        self._digests: dict[str, dict[str, int]] = {}
        """By model, the versions of the champions seen last, by the digest of their files."""

    def routes_known(self, routes: Iterable[str]) -> None:
        """Show these from the start."""
        for route in routes:
            self._seconds.labels(route)
            self._bytes.labels(route)

    def answered(self, route: str, code: int) -> None:
        """Count an answer."""
        text = str(code)
        self._requests.labels(route, text if _CODE.match(text) else "other").inc()

    def sent(self, route: str, seconds: float, body_bytes: int) -> None:
        """Count how long it took, and what of its body was sent."""
        self._seconds.labels(route).observe(seconds)
        self._bytes.labels(route).inc(body_bytes)

    def polls(self, more: int) -> None:
        """So many more long polls are open; below 0: fewer."""
        self._polls.inc(more)

    def champion_seen(self, model: str, champion: Champion | None, newest: int) -> None:
        """Show what is served as champion of a model, of twenty at most; `newest`: the highest version there is."""
        if model not in self._shown and len(self._shown) >= MODELS_MAX:
            return
        before, self._shown[model] = self._shown.get(model), champion
        if before is not None:
            with suppress(KeyError):
                self._info.remove(model, *_what(before))
        if champion is None:
            for gauge in (self._version, self._published):
                with suppress(KeyError):
                    gauge.remove(model)
            return
        self._followers.newest_known(model, max(newest, champion.version))
        digests = self._digests.setdefault(model, {})
        digests[champion.sha256] = champion.version
        while len(digests) > MODELS_MAX:
            del digests[next(iter(digests))]
        self._version.labels(model).set(champion.version)
        self._published.labels(model).set(datetime.fromisoformat(champion.published_at).timestamp())
        self._info.labels(model, *_what(champion)).set(1)

    def version_of(self, model: str, digest: str) -> int | None:
        """Return which of the last champions has this digest; None: none of them."""
        return self._digests.get(model, {}).get(digest)

    def followers_of(self, model: str) -> dict[str, int]:
        """Return how many clients have which version of a model: see `Followers.of`."""
        return self._followers.of(model)

    def follower_asked(self, client: Client, version: int) -> None:
        """A client asked for the champion, and has this version; 0: none yet."""
        self._followers.asked(client, version)


def _what(champion: Champion) -> tuple[str, str, str]:
    return str(champion.version), champion.manifest.architecture, str(len(champion.manifest.classes))
