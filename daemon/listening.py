"""Opens the port of a role, or says in one line which setting stands in the way."""

import errno
import os
import socket

from daemon.errors import OperatorError

BACKLOG = 1024


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a socket that listens at `host` and `port`; 0 is any free port. Raises OperatorError naming `setting`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        cure = "Give a name or an address of this machine, as 127.0.0.1 or 0.0.0.0"
        raise OperatorError("http.host", f"the address {host} is not known ({error.strerror})", cure) from error
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise _refused(host, port, setting, error) from error
    return opened


def port_of(opened: socket.socket) -> int:
    """Return the port that a listening socket has got."""
    return int(opened.getsockname()[1])


def _refused(host: str, port: int, setting: str, error: OSError) -> OperatorError:
    if error.errno == errno.EADDRINUSE:
        cure = f"Stop what listens there, or choose another with --set {setting}=PORT (0: any free one)"
        return OperatorError(setting, f"port {port} on {host} is in use", cure)
    if error.errno == errno.EADDRNOTAVAIL:
        return OperatorError("http.host", f"{host} is no address of this machine", "Give one of its own, or 0.0.0.0")
    cure = f"Choose another port with --set {setting}=PORT"
    return OperatorError(setting, f"port {port} on {host} cannot be opened ({os.strerror(error.errno or 0)})", cure)
