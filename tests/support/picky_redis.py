"""Doubles of what may stand at redis.url: a proxy that leaves commands out, and one that answers as it is told."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import BinaryIO


def read_command(stream: BinaryIO) -> list[bytes]:
    """Return the next command of the protocol, empty at the end of the stream."""
    count = stream.readline()
    if not count.startswith(b"*"):
        return []
    return [stream.read(int(stream.readline()[1:]) + 2)[:-2] for _ in range(int(count[1:]))]


class PickyRedis:
    """Listens on `port`; `answer` gives the whole answer to a command, or None to pass it on to `target_port`."""

    def __init__(self, answer: Callable[[list[bytes]], bytes | None], target_port: int | None = None) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.ExitStack() as stack, contextlib.suppress(OSError, ValueError):
                    behind = target_port and stack.enter_context(socket.create_connection(("127.0.0.1", target_port)))
                    while command := read_command(self.rfile):
                        told = answer(command)
                        if told is None:
                            assert behind
                            behind.sendall(pack(command))
                            told = behind.recv(1 << 20)
                        self.wfile.write(told)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """The address that the double listens at."""
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def pack(command: list[bytes]) -> bytes:
    """Return a command in the protocol."""
    return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command)


def without(*refused: bytes, saying: bytes = b"-ERR unknown command '%s'\r\n") -> Callable[[list[bytes]], bytes | None]:
    """Refuse these commands, and pass everything else on."""
    return lambda command: saying % command[0] if command[0].upper() in refused else None


def telling(info: bytes) -> Callable[[list[bytes]], bytes]:
    """Answer every INFO with `info`, everything else with OK."""
    return lambda command: b"$%d\r\n%s\r\n" % (len(info), info) if command[0].upper() == b"INFO" else b"+OK\r\n"
