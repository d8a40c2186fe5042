"""A TCP proxy that closes a connection over which nothing has come for a while, without a word, as some do."""

import contextlib
import select
import socket
import threading


class ImpatientProxy:
    """Forwards a port of the loopback. A connection that is quiet for `hold_s` is closed, or `reset`."""

    def __init__(self, target_port: int, hold_s: float, *, reset: bool = False) -> None:
        self.cuts = 0
        self._target_port = target_port
        self._hold_s = hold_s
        self._reset = reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target_port)) as server:
            while True:
                ready = select.select([client, server], [], [], self._hold_s)[0]
                if not ready:
                    self.cuts += 1
                    if self._reset:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
                for source in ready:
                    data = source.recv(65_536)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
