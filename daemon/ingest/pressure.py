"""Back-pressure: when the buffer is too full to take more, and when there is room again."""

from collections.abc import Callable

from daemon.outage import Outage


class Pressure:
    """Full at `bytes_max`, or when Redis refused a write; room again below the low-water mark, or after a wait.

    A refusal says nothing about our own limit: other things may fill that server. So after a growing delay one write
    is tried again.
    """

    def __init__(self, bytes_max: int, low_water: float, clock: Callable[[], float]) -> None:
        self._bytes_max = bytes_max
        self._low_bytes = int(bytes_max * low_water)
        self._over_limit = False
        self._refusal = Outage("room in Redis (maxmemory)", clock)
        self._left = bytes_max

    @property
    def full(self) -> bool:
        """Whether nothing may be appended now."""
        return self._over_limit or not self._refusal.due

    def measured(self, bytes_used: int) -> None:
        """The buffer holds `bytes_used`."""
        mark = self._low_bytes if self._over_limit else self._bytes_max
        self._over_limit = bytes_used >= mark
        self._left = self._bytes_max - bytes_used

    def appended(self, bytes_more: int) -> None:
        """So many bytes of pixels went in since the last measurement."""
        self._refusal.recovered()
        self._left -= bytes_more
        self._over_limit = self._over_limit or self._left <= 0

    def refused(self, reason: str) -> None:
        """Redis has no memory left."""
        self._refusal.failed(reason, cure="raise Redis' maxmemory, or lower buffer.bytes_max well below it")
