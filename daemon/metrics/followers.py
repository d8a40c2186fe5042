"""Who follows which version, as far as a server can tell: by those who ask for the champion and say what they have."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.metrics.family import PREFIX

CLIENTS_MAX = 10_000
"""Clients remembered; above, whoever asked longest ago is forgotten."""
ASKED_WITHIN_S = 600.0
VERSIONS_NAMED = 10
"""The newest versions of a model have series of their own."""
OLDER, NONE, UNKNOWN = "older", "none", "unknown"
"""What else a client may have: an older version, none yet, or one that this server knows nothing of."""
TEXT_MAX = 200
"""Characters of a user agent that tell clients apart."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a model: behind a proxy that hides addresses, all with one user agent are one."""

    model: str
    address: str
    agent: str


class Followers(Collector):
    """Counts distinct clients by version. Safe to use from several threads."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._asked: OrderedDict[Client, tuple[int, float]] = OrderedDict()
        self._newest: dict[str, int] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def newest_known(self, model: str, version: int) -> None:
        """`version` is the newest one of a model."""
        with self._lock:
            self._newest[model] = max(version, self._newest.get(model, 0))

    def asked(self, client: Client, version: int) -> None:
        """A client asked, and has this version; 0: none yet. Models that nothing is known of are left out."""
        client = Client(client.model, client.address, client.agent[:TEXT_MAX])
        with self._lock:
            if client.model not in self._newest:
                return
            self._asked[client] = (version, self._clock())
            self._asked.move_to_end(client)
            while len(self._asked) > CLIENTS_MAX:
                self._asked.popitem(last=False)

    def collect(self) -> Iterator[Metric]:
        """Return the family: those who asked within ten minutes."""
        family = GaugeMetricFamily(
            f"{PREFIX}_followers",
            "Distinct clients that asked for the champion within ten minutes, by the version that they have.",
            labels=("model", "version"),
        )
        for labels, clients in sorted(self._having().items()):
            family.add_metric(labels, clients)
        yield family

    def of(self, model: str) -> dict[str, int]:
        """Return how many clients of a model asked within ten minutes, by the name of the version that they have."""
        return {version: clients for (name, version), clients in self._having().items() if name == model}

    def _having(self) -> Counter[tuple[str, str]]:
        with self._lock:
            oldest = self._clock() - ASKED_WITHIN_S
            while self._asked and next(iter(self._asked.values()))[1] < oldest:
                self._asked.popitem(last=False)
            return Counter((client.model, self._name(client.model, one[0])) for client, one in self._asked.items())

    def _name(self, model: str, version: int) -> str:
        newest = self._newest[model]
        if version == 0:
            return NONE
        if version > newest:
            return UNKNOWN
        return str(version) if version > newest - VERSIONS_NAMED else OLDER
