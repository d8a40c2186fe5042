"""The network client that every Kafka client of ours is given (kafka-python's own `kafka_client` option).

It adds three things to kafka-python's. It never lets a broker make a topic: kafka-python 3.0.12 takes
`allow_auto_create_topics=False` for consumers and producers and does not hand it to what writes the metadata requests,
so that a topic which an operator deletes is back within a second. And it notes which of the addresses that the
brokers name (their `advertised.listeners`) cannot be reached, for kafka-python's errors do not say. And a socket whose
connection fails is closed: kafka-python leaves it to the garbage collector (3.0.12, tried), which beside torch comes so
rarely that a learner was seen with 257 open files, after brokers had been away a hundred times.
"""

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

REMEMBERED_S = 30.0
"""An address that is needed is tried again every few seconds; what failed longer ago is not needed any more."""
ADDRESSES_MAX = 100
PATIENCE_S = 1.0
"""An address that has not answered for so long is told as one that does not."""

_UNREACHED = (errors.KafkaConnectionError, errors.KafkaTimeoutError, errors.RequestTimedOutError, OSError)
_SILENT = "it does not answer"
_WORDS = {
    "DNS Resolution failure": "its name cannot be resolved",
    "ECONNREFUSED": "it refuses the connection",
    "timed out": _SILENT,
}
"""What kafka-python says, and what that means."""


_sock_connect = KafkaNetSocket.sock_connect


async def _connect_or_close(self: Any, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
    """Return the connected socket, or close it and raise. Stands in the place of kafka-python's method."""
    try:
        return await _sock_connect(self, net, sock, sockaddr, timeout_at=timeout_at)
    except BaseException:
        sock.close()
        raise


KafkaNetSocket.sock_connect = _connect_or_close


class BrokerWatch:
    """Which addresses that brokers name could not be reached, and why. Written by the clients' threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[float, str]] = {}
        self._trying: dict[str, float] = {}

    def trying(self, address: str) -> None:
        """A connection to `address` (host:port) is being made."""
        with self._lock:
            if len(self._trying) < ADDRESSES_MAX:
                self._trying.setdefault(address, self._clock())

    def given_up(self, address: str) -> None:
        """We closed it before it was made: it did not answer as long as anyone waited."""
        with self._lock:
            began = self._trying.pop(address, None)
            if began is not None and self._clock() - began >= PATIENCE_S:
                self._failed.setdefault(address, (self._clock(), _SILENT))

    def failed(self, address: str, why: str) -> None:
        """A connection to `address` could not be made."""
        with self._lock:
            self._trying.pop(address, None)
            if address in self._failed or len(self._failed) < ADDRESSES_MAX:
                self._failed[address] = (self._clock(), why)

    def reached(self, address: str) -> None:
        """A connection to `address` was made."""
        with self._lock:
            self._failed.pop(address, None)
            self._trying.pop(address, None)

    def unreachable(self) -> dict[str, str]:
        """Return, by address, why those could not be reached that failed within the last half minute."""
        with self._lock:
            now = self._clock()
            found = {address: _SILENT for address, at in self._trying.items() if now - at >= PATIENCE_S}
            found |= {address: why for address, (at, why) in self._failed.items() if now - at <= REMEMBERED_S}
            return dict(sorted(found.items()))


class _Connections(KafkaConnectionManager):  # type: ignore[misc] # the client has no types
    """Connections whose making is watched, but for those to the bootstrap addresses: these are in the settings."""

    def __init__(self, net: Any, watch: BrokerWatch, **configs: Any) -> None:
        super().__init__(net, **configs)
        self.cluster.config["allow_auto_create_topics"] = False
        self._watch = watch
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()

    def get_connection(self, node_id: Any, *args: Any, **options: Any) -> Any:
        connection = super().get_connection(node_id, *args, **options)
        if connection not in self._watched and not self.cluster.is_bootstrap(node_id):
            self._watched.add(connection)
            broker = self.cluster.broker_metadata(node_id)
            address = f"{broker.host}:{broker.port}"
            self._watch.trying(address)
            connection.init_future.add_callback(lambda _: self._watch.reached(address))
            connection.init_future.add_errback(lambda error: self._note(address, error))
        return connection

    def _note(self, address: str, error: BaseException) -> None:
        if self.closed:
            self._watch.given_up(address)
        elif isinstance(error, _UNREACHED):
            text = str(error)
            known = (words for sign, words in _WORDS.items() if sign in text)
            self._watch.failed(address, next(known, text or type(error).__name__))
        else:
            self._watch.reached(address)  # it answered, and refused


class NetClient(KafkaNetClient):  # type: ignore[misc] # the client has no types
    """See the module. `configs` are those of the consumer, producer or admin client that makes it."""

    def __init__(self, watch: BrokerWatch, **configs: Any) -> None:
        net = NetworkSelector(**configs)
        super().__init__(net=net, manager=_Connections(net, watch, **configs), **configs)
