"""The small server that every role but `serve` has beside its work: /livez, /readyz, /metrics, and what it adds.

Python's own HTTP server in threads: it costs an ingestor next to no memory. Requests are read only.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from daemon.listening import listen, port_of
from daemon.liveness import Pulse
from daemon.readiness import Ask, ask_all, readiness_body

REQUEST_TIMEOUT_S = 10
"""A client that is slower than this is dropped."""
_IGNORED = re.compile(r"\s*;\s*(?:escaping\s*=|version\s*=(?!\s*\d{1,3}(?:\.\d{1,3}){0,2}\s*(?:[;,]|$)))[^;,]*", re.I)
"""What of `Accept` is not passed on: how names are escaped, and a version that is no number (the client breaks)."""
JSON = "application/json"
Answer = tuple[int, str, bytes]
log = structlog.get_logger()


def encode_metrics(registry: CollectorRegistry, accept: str) -> tuple[str, bytes]:
    """Return (content type, body) of /metrics in the form that the header `accept` asks for.

    How names are to be escaped is not asked for: all of ours are legal in every form, and stay. The client would
    rename them for `values` and `dots`, so that no dashboard and no alert found them.
    """
    encode, content_type = choose_encoder(_IGNORED.sub("", accept))
    return content_type, encode(registry)


class HealthServer:
    """Serves until closed. `more` adds paths whose answer is JSON, as /status of the learner."""

    def __init__(
        self,
        registry: CollectorRegistry,
        asks: Sequence[Ask],
        *,
        more: Mapping[str, Callable[[], Mapping[str, Any]]] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        """`pulse` is that of the role's loop; without one /livez says no more than that the process answers."""
        self._pulse = pulse
        self._registry = registry
        self._asks = tuple(asks)
        self._more = dict(more or {})
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int, setting: str) -> int:
        """Listen, and return the port. `setting` is the key that `port` came from. Raises OperatorError."""
        opened = listen(host, port, setting)
        server = _Server(opened.getsockname()[:2], _Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = opened
        server.answer = self.answer
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()
        log.info("listening", host=host, port=port_of(opened), paths=["/livez", "/readyz", "/metrics", *self._more])
        return port_of(opened)

    def close(self) -> None:
        """Stop listening. May be called twice."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, path: str, accept: str) -> Answer:
        """Return (status code, content type, body) for a GET of `path`."""
        if path == "/livez":
            return self._livez()
        if path == "/readyz":
            code, body = readiness_body(ask_all(self._asks))
            return code, JSON, _json(body)
        if path == "/metrics":
            return (200, *encode_metrics(self._registry, accept))
        if path in self._more:
            return 200, JSON, _json(self._more[path]())
        return 404, JSON, _json({"paths": ["/livez", "/readyz", "/metrics", *self._more]})

    def _livez(self) -> Answer:
        stuck = self._pulse.stuck() if self._pulse is not None else ""
        if stuck:
            return 503, JSON, _json({"alive": False, "reason": stuck})
        return 200, JSON, _json({"alive": True})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    answer: Callable[[str, str], Answer]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke an answer; a client that hung up is no news."""
        if not isinstance(sys.exception(), OSError):
            log.error("a request for health could not be answered", client=str(client_address), exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_TIMEOUT_S
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        code, content_type, body = self.server.answer(urlsplit(self.path).path, self.headers.get("Accept", ""))
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: probes come every few seconds."""


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
