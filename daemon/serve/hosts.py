"""Which names the server answers to (`http.allowed_hosts`): nobody's page can point a name of its own at it.

Without the list any name will do: whoever reaches the port may read. With it, a browser inside of the network that a
page from outside sends here under that page's own name (DNS rebinding) is answered with 421.
"""

import ipaddress
import re
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.serve.problems import problem

PROBES = ("/livez", "/readyz")
"""Answered under every name: a kubelet and a load balancer ask by address, or by a name of their own."""
BY_ADDRESS = ("/metrics",)
"""Answered under every address, too: Prometheus asks pods by theirs. A page cannot make an address its own name."""
SHOWN_MAX = 100
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{0,5})?\Z")


class AllowedHosts:
    """Answers 400 to a request without one plain `Host`, 421 to a name that is not in the list."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        names = [name.lower().rstrip(".") for name in allowed]
        self._names = frozenset(name.strip("[]") for name in names if not name.startswith("*."))
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        given = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        found = _HOST.match(given[0].strip()) if len(given) == 1 else None
        if found is None:
            await problem(400, "the request needs one Host, a name or an address")(scope, receive, send)
            return
        name = found[1].lower().strip("[]").rstrip(".")
        if self._allows(name) or (scope["path"] in BY_ADDRESS and _is_address(name)):
            await self._app(scope, receive, send)
            return
        detail = f"this server does not answer to the name {name[:SHOWN_MAX]}: see http.allowed_hosts"
        await problem(421, detail)(scope, receive, send)

    def _allows(self, name: str) -> bool:
        return name in self._names or name.endswith(self._endings)


def guard_hosts(app: FastAPI, allowed: Iterable[str]) -> None:
    """Have `app` answer to these names alone; to all where there is none. Before its first request."""
    if names := tuple(allowed):
        # The innermost: what is refused is counted as any other answer.
        app.user_middleware.append(Middleware(AllowedHosts, allowed=names))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
