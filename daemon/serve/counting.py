"""Counts what the application answers, from outside of it: no route knows of metrics."""

import math
import re
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.metrics import ServeMetrics
from daemon.metrics.followers import Client

NO_ROUTE = "other"
CHAMPION = "/v1/models/{name}/champion"
"""The route that followers ask, and that holds its answer where it is asked to `?wait`."""
_CHAMPION_PATH = re.compile(r"/v1/models/([^/]+)/champion")
_VERSION = re.compile(r"\d{1,18}")
WAITING = "?wait"
FOUND = (200, 304)


class CountAnswers:
    """Counts each answer by its route's template and status code, a download when it ends."""

    def __init__(self, app: ASGIApp, metrics: ServeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        code, body_bytes, began = 500, 0, time.perf_counter()
        head = scope["method"] == "HEAD"  # its body is made, and not sent
        waits = _waits(scope)

        async def noting(message: Message) -> None:
            nonlocal code, body_bytes
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)
            if message["type"] == "http.response.body" and not head:
                body_bytes += len(message.get("body", b""))

        self._note_follower(scope)
        self._metrics.polls(int(waits))
        try:
            await self._app(scope, receive, noting)
        finally:
            self._metrics.polls(-int(waits))
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            self._metrics.answered(route, code)
            timed = route + WAITING if waits and route == CHAMPION else route
            self._metrics.sent(timed, time.perf_counter() - began, body_bytes)
            if code in FOUND:
                self._note_follower(scope)  # once more: now the model is known, and a long poll may have taken minutes

    def _note_follower(self, scope: Scope) -> None:
        """Note who asks for a champion, and says which version it has: by `after`, or by the digest of its file."""
        path = _CHAMPION_PATH.fullmatch(scope["path"])
        if path is None:
            return
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        model = path[1]
        after = _query(scope, "after")
        version = int(after) if after is not None and _VERSION.fullmatch(after) else None
        if after is None:
            digest = headers.get(b"if-none-match", b"").decode("latin-1").strip().removeprefix("W/").strip('"')
            version = self._metrics.version_of(model, digest)
        if version is not None:
            address = scope["client"][0] if scope.get("client") else ""
            agent = headers.get(b"user-agent", b"").decode("latin-1")
            self._metrics.follower_asked(Client(model, address, agent), version)


def _waits(scope: Scope) -> bool:
    """Return whether the answer may be held."""
    wait = _query(scope, "wait")
    if wait is None or _CHAMPION_PATH.fullmatch(scope["path"]) is None:
        return False
    try:
        seconds = float(wait)
    except ValueError:
        return False
    return math.isfinite(seconds) and seconds > 0


def _query(scope: Scope, name: str) -> str | None:
    """Return a parameter of the query as the routes read it: the last one given counts."""
    given = parse_qs(scope["query_string"].decode("latin-1")).get(name)
    return given[-1] if given else None
