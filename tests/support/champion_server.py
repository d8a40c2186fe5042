"""A small HTTP server that answers as the contract says, and breaks a transfer in whatever way a test asks for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.manifests import manifest_of


@dataclass
class ChampionServer:
    """`champion` is a version of `files`, or None. The faults are used up one a request, first to last."""

    champion: int | None = None
    files: dict[int, bytes] = field(default_factory=dict)
    ranges: bool = True
    manifest_faults: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    file_faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path with query, and the Range header."""
    url: str = ""

    def publish(self, version: int, data: bytes) -> None:
        """Make a version the champion."""
        self.files[version] = data
        self.champion = version

    def manifest(self, version: int) -> dict[str, object]:
        """Return the manifest of a version."""
        return manifest_of(version, self.files[version]).to_dict()


class _Handler(BaseHTTPRequestHandler):
    state: ChampionServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        state, parts = self.state, urlsplit(self.path)
        state.asked.append((self.path, self.headers.get("Range", "")))
        if parts.path == "/v1/models/default/champion":
            self._champion(parse_qs(parts.query))
        elif parts.path.startswith("/v1/models/default/versions/") and parts.path.endswith("/model.onnx"):
            self._file(state.files.get(int(parts.path.split("/")[5])))
        else:
            self._answer(404, {}, b"")

    def _champion(self, query: dict[str, list[str]]) -> None:
        state = self.state
        if state.manifest_faults:
            self._answer(*state.manifest_faults.pop(0))
        elif state.champion is None:
            self._answer(404, {"Retry-After": "3"}, b"")
        elif query.get("after") == [str(state.champion)]:
            self._answer(304, {}, b"")
        else:
            self._answer(200, {}, json.dumps(state.manifest(state.champion)).encode())

    def _file(self, data: bytes | None) -> None:
        state = self.state
        if data is None:
            self._answer(404, {}, b"")
            return
        fault = state.file_faults.pop(0) if state.file_faults else ""
        start = self._start(len(data)) if state.ranges else 0
        body = data[start:]
        if fault == "503":
            self._answer(503, {}, b"")
        elif fault == "416":
            self._answer(416, {}, b"")
        elif fault == "other range":
            self._answer(206, {"Content-Range": f"bytes 1-{len(data) - 1}/{len(data)}"}, data[1:])
        elif fault == "wrong bytes":
            self._answer(200, {}, bytes(len(data)))
        elif fault == "longer":
            self._answer(200, {}, data + b"more")
        elif fault == "shorter":
            self._answer(200, {}, data[:-5])
        else:
            headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
            self._answer(206 if start else 200, headers, body, cut=len(body) // 2 if fault == "cut" else None)

    def _start(self, length: int) -> int:
        wanted = self.headers.get("Range", "")
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0

    def _answer(self, status: int, headers: dict[str, str], body: bytes, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


@contextmanager
def champion_server() -> Iterator[ChampionServer]:
    """Serve on a free port of the loopback until the block ends."""
    state = ChampionServer()
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield state
        finally:
            server.shutdown()
            serving.join()
