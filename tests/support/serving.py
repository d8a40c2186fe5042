"""`tidemill serve` in a thread of the test, on a loopback port."""

import threading
from pathlib import Path

import httpx

from daemon.config import load
from daemon.metrics import new_registry
from daemon.serve.server import Server


class Serving:
    """A running server; `stop` ends it and returns when it has ended."""

    def __init__(self, repository: Path, *sets: str) -> None:
        config = load(environ={}, sets=["http.port=0", f"paths.repository={repository}", *sets]).config
        self.repository = repository
        self.registry = new_registry()
        self.stopping = threading.Event()
        self._ports: list[int] = []
        started = threading.Event()

        def tell(port: int) -> None:
            self._ports.append(port)
            started.set()

        server = Server(config, self.registry)
        self.thread = threading.Thread(target=server.run, args=(self.stopping,), kwargs={"started": tell})
        self.thread.start()
        assert started.wait(10)
        self.url = f"http://127.0.0.1:{self._ports[0]}"
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(20)
        self.client.close()
        assert not self.thread.is_alive()

    def answered(self, route: str, code: int) -> float | None:
        return self.registry.get_sample_value("tidemill_http_requests_total", {"route": route, "code": str(code)})
