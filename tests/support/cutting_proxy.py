"""A TCP proxy that cuts connections just before an answer passes: the server did it, the client never hears."""

import contextlib
import select
import socket
import threading


class CuttingProxy:
    """Listens on `port` and forwards to `target_port`, both on the loopback. `cut` answers are lost, then none."""

    def __init__(self, target_port: int) -> None:
        self.cut = 0
        self.connections = 0
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target_port)) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65_536)
                    if source is server and data and self.cut > 0:
                        self.cut -= 1
                        return
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
