"""A real Redis for tests: `redis-server` of the machine or the bundled one, with an append-only file."""

import shutil
import signal
import tempfile
from pathlib import Path

import redis

from daemon.local.process import LocalProcess, LocalServerFailedError, free_port
from daemon.local.redis import redis_answers, redis_program

START_TIMEOUT_S = 20.0


class RedisServer:
    """Starts with `start`; may be stopped, killed, paused, wiped and started again on its data; `close` ends it."""

    def __init__(
        self,
        *,
        program: Path | None = None,
        appendonly: bool = True,
        appendfsync: str = "everysec",
        maxmemory: str = "0",
        policy: str = "noeviction",
        options: tuple[str, ...] = (),
        port_max: int = 65_535,
    ) -> None:
        """`options` are further arguments of redis-server. Raises LocalServerMissingError where there is none.

        `port_max`: a node of a cluster needs the port 10,000 above its own as well.
        """
        self._program = program or redis_program()
        self.folder = Path(tempfile.mkdtemp(prefix="tidemill-test-redis-"))
        self.port = next(port for port in iter(free_port, None) if port <= port_max)
        self._options = ["--save", "", "--appendonly", "yes" if appendonly else "no", "--appendfsync", appendfsync]
        self._options += ["--maxmemory", maxmemory, "--maxmemory-policy", policy, *options]
        self._process: LocalProcess | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a plain client, for a test's own looks at the server."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start, and return once it answers with its data loaded. Raises LocalServerFailedError."""
        command = [str(self._program), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        self._process = LocalProcess([*command, *self._options], self.folder, grace_s=10)
        try:
            self._process.wait_until(lambda: redis_answers(self.url), START_TIMEOUT_S)
        except LocalServerFailedError:
            self._process.stop(keep_folder=True)
            raise

    def stop(self) -> None:
        """Stop in order (SIGTERM: the append-only file is synced). The data stays."""
        self._running().stop(keep_folder=True)

    def kill(self) -> None:
        """Kill as a crash would. What was written to the append-only file stays."""
        self._running().kill()

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        self._running().signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        self._running().signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Lose everything, as a server without persistence does on a restart: a new process, and no data."""
        self.kill()
        for entry in self.folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.start()

    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process is not None and self._process.alive()

    def ensure(self) -> None:
        """Bring it back from whatever a test did to it."""
        if not self.alive():
            self.start()
        self.resume()

    def close(self) -> None:
        """Kill it and remove its folder."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> LocalProcess:
        assert self._process is not None, "the server was never started"
        return self._process
