"""The connection to Redis: time limits and few retries."""

import importlib.resources
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from streaming.buffer import Vitals
from streaming.redis_errors import translated_errors
from streaming.redis_library import NoBackoff, Retry, exceptions, redis

SOCKET_TIMEOUT_S = 5.0

Argument = bytes | int | str

SEVERAL = "pipeline"
"""What several commands in one round trip are called."""
CALLS = ("GET", "HGETALL", "INFO", "LRANGE", "SCAN", "SET", "XRANGE", SEVERAL)
"""All that is asked of Redis beside scripts."""

POLICY = "noeviction"
_FENCED = "-- fenced"
"""First line of the scripts that only the buffer's owner may run."""


class RedisConnection:
    """Commands and scripts. Every method raises the buffer's errors, and is safe to use from several threads.

    redis-py tries a command up to ten times by itself. Here it is one more time at once, and only where the connection
    broke: that replaces a pooled connection which a restart of the server left dead. Everything else (waiting, backing
    off, giving up) belongs to the caller, who can be stopped meanwhile. Every write of the buffer is safe to repeat.
    """

    def __init__(
        self,
        url: str,
        socket_timeout_s: float = SOCKET_TIMEOUT_S,
        took: Callable[[str, float], None] = lambda _command, _seconds: None,
    ) -> None:
        """A command fails within `socket_timeout_s`. Connects on the first one. Raises ValueError for an odd `url`.

        `took` is told each call, one of COMMANDS, and its seconds, also where it failed.
        """
        self._took = took
        self._client = redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=socket_timeout_s,
            socket_connect_timeout=socket_timeout_s,
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
        )
        self._tls = url.startswith("rediss:")
        self._texts = _script_texts()
        self._digests = {name: self._client.register_script(text).sha for name, text in self._texts.items()}

    def call(self, *command: Argument) -> Any:
        """Run one command and return redis-py's form of its answer."""
        return self._call(str(command[0]), command)

    def call_many(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run commands in one round trip, not as a transaction, and return their answers."""
        with self._timed(SEVERAL), translated_errors(tls=self._tls), self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipe.execute()

    def script(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run scripts/`name`.lua: by digest, and by text where the server does not know it (any more)."""
        try:
            return self._call(name, ("EVALSHA", self._digests[name], len(keys), *keys, *args))
        except exceptions.NoScriptError:
            return self._call(name, ("EVAL", self._texts[name], len(keys), *keys, *args))

    def _call(self, name: str, command: Sequence[Argument]) -> Any:
        with self._timed(name), translated_errors(tls=self._tls):
            return self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._took(name, time.perf_counter() - began)

    def run_id(self) -> str:
        """Return the identity of the server process: it changes with a restart."""
        return str(self.call("INFO", "server")["run_id"])

    def vitals(self) -> Vitals:
        """Return the server's clock, and whether it drops keys: by INFO, for many hosts forbid CONFIG."""
        (seconds, microseconds), memory = self.call_many([("TIME",), ("INFO", "memory")])
        return Vitals(int(seconds) * 1000 + int(microseconds) // 1000, eviction(memory))

    def close(self) -> None:
        """Close the pool's connections."""
        self._client.close()


def eviction(memory: Mapping[str, Any]) -> str:
    """Return why the server, by its INFO of memory, may drop what it was given; empty where it does not."""
    policy = str(memory.get("maxmemory_policy", "not told"))
    if policy == POLICY:
        return ""
    return (
        f"Redis evicts keys at maxmemory (maxmemory-policy {policy}), which loses samples: "
        f"set maxmemory-policy {POLICY}"
    )


def _script_texts() -> dict[str, str]:
    folder = importlib.resources.files("streaming") / "scripts"
    lua = (file for file in folder.iterdir() if file.name.endswith(".lua"))
    texts = {file.name.removesuffix(".lua"): file.read_text(encoding="utf-8") for file in lua}
    fence = texts.pop("fence")
    return {name: fence + text if text.startswith(_FENCED) else text for name, text in texts.items()}


COMMANDS = (*CALLS, *sorted(_script_texts()))
"""All that a connection may be told to do: commands, and scripts by name."""
