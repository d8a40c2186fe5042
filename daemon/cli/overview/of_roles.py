"""Asks the roles of this host, each at its port: /readyz, and what that does not say from /metrics and /status."""

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

from daemon.cli.overview.facts import Progress, Role
from daemon.config import Config
from daemon.metrics.reading import Read, read_metrics
from daemon.readiness import Check

ANSWER_MAX_S = 2.0
BYTES_MAX = 8_000_000
"""Of an answer: more is not a role's."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a role listens on, not we
"""Where a role that listens on every address is reached."""
_BROKEN = (OSError, http.client.HTTPException, ValueError)
"""An answer that does not come, or is none."""


def ask_role(name: str, config: Config) -> Role:
    """Return what the role says. One that does not answer is neither ready nor not: it may run elsewhere."""
    port = _port(name, config)
    if not port:
        return Role(name, port)
    host = _ANY.get(config.http.host, config.http.host)
    try:
        answer = _get(host, port, "/readyz")
    except TimeoutError:
        reason = f"it does not answer within {ANSWER_MAX_S:g} s, though something listens"
        return Role(name, port, ready=False, checks=(Check("answers", ok=False, reason=reason),))
    except OSError:
        return Role(name, port)
    except http.client.HTTPException:
        return Role(name, port, stranger=True)
    try:
        told = json.loads(answer)
        ready = bool(told["ready"])
        checks = tuple(Check(one["name"], bool(one["ok"]), str(one["reason"])) for one in told["checks"])
    except (ValueError, KeyError, TypeError):
        return Role(name, port, stranger=True)
    read = _metrics(host, port, config.model.name)
    return Role(
        name,
        port,
        ready,
        checks=checks,
        outages_s={what: max(0.0, time.time() - since) for what, since in read.outages.items()},
        pauses=read.pauses,
        followers=read.followers if name == "serve" else None,
        progress=_progress(host, port) if name == "learn" else None,
    )


def _port(name: str, config: Config) -> int:
    ports = {"ingest": config.ingest.port, "learn": config.learn.port, "serve": config.http.port}
    return ports.get(name, config.run.port)


def _get(host: str, port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_MAX_S)
    try:
        connection.request("GET", path, headers={"Accept": "text/plain, application/json"})
        return connection.getresponse().read(BYTES_MAX)
    finally:
        connection.close()


def _metrics(host: str, port: int, model: str) -> Read:
    try:
        return read_metrics(_get(host, port, "/metrics").decode(), model)
    except _BROKEN:
        return Read()


def _progress(host: str, port: int) -> Progress | None:
    try:
        told = json.loads(_get(host, port, "/status"))
        return _progress_of(told)
    except (*_BROKEN, KeyError, TypeError):
        return None


def _progress_of(told: Mapping[str, Any]) -> Progress | None:
    if told["round"] is None:
        return None
    started_ms = told.get("started_ms")
    seconds = None if started_ms is None else max(0.0, time.time() - started_ms / 1000)
    return Progress(int(told["round"]), told["stage"], int(told["step"]), int(told["steps"]), seconds)
