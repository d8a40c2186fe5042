"""Back-pressure: when the buffer is too full to take more, and when there is room again."""

from collections.abc import Callable

from daemon.outage import CURES, SILENT, Need, Outage, OutageObserver


class Pressure:
    """Full at `bytes_max`, or when Redis refused a write; room again below the low-water mark, or after a wait.

    A refusal says nothing about our own limit: other things may fill that server. So a write is tried again after a
    growing delay, and at once when what waits has become less than the low-water fraction of what it was.
    """

    def __init__(
        self, bytes_max: int, low_water: float, clock: Callable[[], float], outages: OutageObserver = SILENT
    ) -> None:
        self._bytes_max = bytes_max
        self._low_water = low_water
        self._over_limit = False
        self._refusal = Outage("room in Redis (maxmemory)", Need.REDIS_MEMORY, clock, observer=outages)
        self._refused_at: int | None = None
        self._left = bytes_max

    @property
    def full(self) -> bool:
        """Whether nothing may be appended now."""
        return self._over_limit or not self._refusal.due

    def measured(self, bytes_used: int) -> None:
        """The buffer holds `bytes_used`."""
        mark = int(self._bytes_max * self._low_water) if self._over_limit else self._bytes_max
        self._over_limit = bytes_used >= mark
        self._left = self._bytes_max - bytes_used
        if not self._refusal.ongoing:
            return
        if self._refused_at is None:
            self._refused_at = bytes_used
        elif bytes_used < self._refused_at * self._low_water:
            self._refusal.recovered()

    def appended(self, bytes_more: int) -> None:
        """So many bytes of pixels went in since the last measurement."""
        self._refusal.recovered()
        self._left -= bytes_more
        self._over_limit = self._over_limit or self._left <= 0

    def refused(self, reason: str) -> None:
        """Redis has no memory left."""
        if not self._refusal.due:
            return
        self._refused_at = None
        self._refusal.failed(reason, cure=CURES[Need.REDIS_MEMORY])
