"""Runs the application: its own port and thread, stopped by an event, graceful also with long polls open."""

import socket
import threading
from collections.abc import Callable
from functools import partial

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from daemon.config import Config
from daemon.errors import OperatorError
from daemon.listening import listen, port_of
from daemon.metrics import new_registry, show_build
from daemon.readiness import Check
from daemon.serve.app import build_app
from daemon.serve.champions import Champions
from daemon.serve.hosts import guard_hosts
from daemon.serve.page.routes import build_page
from daemon.serve.rollbacks import build_rollbacks
from model.publishing.errors import BrokenRepositoryError
from model.publishing.reader import RepositoryReader

GRACE_S = 5
"""Seconds that downloads have to end when the server stops; whoever waits for news is answered at once."""
KEEP_ALIVE_S = 30
log = structlog.get_logger()


class _Http(uvicorn.Server):
    """Lets long polls go before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, champions: Champions) -> None:
        super().__init__(config)
        self._champions = champions

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._champions.close()
        await super().shutdown(sockets)


class Server:
    """The role `serve`."""

    def __init__(self, config: Config, registry: CollectorRegistry | None = None) -> None:
        self._config = config
        self._registry = registry or new_registry()
        show_build(self._registry, "serve")
        self._reader = RepositoryReader(config.paths.repository, config.model.name)

    def run(self, stop: threading.Event, *, started: Callable[[int], None] = lambda port: None) -> None:
        """Serve until `stop`; `started` is told the port. Raises OperatorError where the port cannot be had."""
        http = self._config.http
        opened = listen(http.host, http.port, "http.port")
        root = self._config.paths.repository
        champions = Champions(root, self._config.model.name)
        rollbacks = build_rollbacks(champions, root, http.rollback_token.get_secret_value())
        page = partial(build_page, champions, root) if http.page else None
        app = build_app(champions, [self._ask_repository], self._registry, [rollbacks], page)
        guard_hosts(app, http.allowed_hosts)
        server = _Http(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=self._config.log.level == "debug",
                server_header=False,
                lifespan="on",
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            ),
            champions,
        )
        ended = threading.Event()

        def serve() -> None:
            try:
                server.run(sockets=[opened])
            finally:
                ended.set()
                stop.set()

        thread = threading.Thread(target=serve, name="http", daemon=True)
        thread.start()
        log.info("serving", host=http.host, port=port_of(opened), repository=str(self._config.paths.repository))
        started(port_of(opened))
        stop.wait()
        crashed = ended.is_set()
        server.should_exit = True
        thread.join()
        opened.close()
        if crashed:
            raise OperatorError("", "the HTTP server ended by itself", "The log says why")
        log.info("stopped")

    def _ask_repository(self) -> Check:
        repository = self._config.paths.repository
        try:
            if not repository.exists():
                return Check("repository", ok=True, reason=f"{repository} (paths.repository) does not exist yet")
            champion = self._reader.champion()
        except (OSError, BrokenRepositoryError) as error:
            return Check("repository", ok=False, reason=f"paths.repository cannot be read: {error}")
        return Check("repository", ok=True, reason=f"version {champion.version}" if champion else "no version yet")


def build_serve(config: Config) -> Server:
    """Return the role `serve`, ready to run."""
    return Server(config)
