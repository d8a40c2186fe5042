"""Whether the whole is at work: records are taken in on every partition, rounds are committed, the server answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from streaming.buffer import BufferUnavailableError
from tests.chaos.cluster import MODEL, Cluster
from tests.chaos.producer import Producer

POLL_S = 0.05
TIMEOUT_S = 120.0
"""After this it is not slow but broken, on however loaded a machine."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far everything was at a moment."""

    at_s: float
    acknowledged: dict[int, int]
    rounds: int


@dataclass(frozen=True, slots=True)
class Back:
    """Seconds from a mark until each part of the work went on."""

    ingest_s: float
    """Until a record that was acknowledged after the mark was taken in, on every partition."""
    learn_s: float
    """Until a round was committed after the mark."""
    serve_s: float
    """Until the server answered."""

    @property
    def all_s(self) -> float:
        """Until everything was at work."""
        return max(self.ingest_s, self.learn_s, self.serve_s)


class Work:
    """Looks at a cluster that a producer feeds without pause."""

    def __init__(self, cluster: Cluster, producer: Producer) -> None:
        self._cluster = cluster
        self._producer = producer

    def mark(self) -> Mark:
        """Note how far everything is."""
        return Mark(time.monotonic(), self._producer.ends(), self._cluster.last_round())

    def wait_back(self, mark: Mark, timeout_s: float = TIMEOUT_S) -> Back:
        """Return once everything has gone on since `mark`. Fails where it does not, or where a role ended by itself."""
        missing: dict[str, Callable[[Mark], bool]] = {
            "ingest": self._taking,
            "learn": lambda mark: self._cluster.last_round() > mark.rounds,
            "serve": self._serving,
        }
        back: dict[str, float] = {}
        while missing:
            for name in [name for name, check in missing.items() if check(mark)]:
                back[name] = time.monotonic() - mark.at_s
                del missing[name]
            self._cluster.check_alive()
            self._producer.check()
            waited = time.monotonic() - mark.at_s
            assert waited < timeout_s, (
                f"not at work again after {waited:.0f} s: {sorted(missing)}\n{self._cluster.logs()}"
            )
            time.sleep(POLL_S)
        return Back(back["ingest"], back["learn"], back["serve"])

    def _taking(self, mark: Mark) -> bool:
        try:
            taken = self._cluster.taken()
        except BufferUnavailableError:
            return False
        return all(taken.get(partition, 0) > mark.acknowledged.get(partition, 0) for partition in self._producer.ends())

    def _serving(self, _mark: Mark) -> bool:
        try:
            return httpx.get(f"{self._cluster.tidemill.url}/v1/models/{MODEL}", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
