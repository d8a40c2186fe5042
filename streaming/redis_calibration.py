"""How far a server's own estimate of a stream's memory is off. It is measured: a version would not tell it.

MEMORY USAGE of a stream counts 1.17 of what Redis 6.2, 7.0 and 8.2 use at 28 pixels (it books 30 pointers for each node
of the radix tree, of which a real one has few), and 1.00 on Valkey 9, which calls itself 7.2.4.
"""

import math
from dataclasses import dataclass

from streaming.keys import Keys
from streaming.records import Log
from streaming.redis_client import RedisConnection

AGAIN_AFTER_S = 600.0
"""A server may have been replaced by another."""
COPIED_BYTES = 1024 * 1024
"""About so much is copied, in 1 to 4 ms; of large entries a few, at most 13 MB at 1,024 pixels."""
COPIED_MIN = 4
COPIED_MAX = 512
STEPS_PER_DOUBLING = 8
"""Entries that differ by less than 9 % in size are of one kind."""
KINDS_MAX = 64
FACTOR_MIN, FACTOR_MAX = 0.5, 2.0
"""Beyond it, the server's memory changed for other reasons, as one of its threads freeing something."""


@dataclass(frozen=True, slots=True)
class _Known:
    at_s: float
    factor: float


class Calibration:
    """Factors by which the server's estimates are multiplied, for each size of entry. Raises the buffer's errors."""

    def __init__(self, connection: RedisConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._known: dict[int, _Known] = {}

    def factor(self, log: Log, entry_bytes: float, now_s: float) -> float:
        """Return the factor for the log's entries of `entry_bytes` by estimate; 1 where the server does not let us try.

        `now_s` never goes back.
        """
        kind = round(STEPS_PER_DOUBLING * math.log2(max(entry_bytes, 1.0)))
        known = self._known.get(kind)
        if known is None or now_s - known.at_s >= AGAIN_AFTER_S:
            if len(self._known) >= KINDS_MAX:
                self._known.clear()
            known = self._known[kind] = _Known(now_s, self._try(log, entry_bytes))
        return known.factor

    def _try(self, log: Log, entry_bytes: float) -> float:
        count = max(COPIED_MIN, min(COPIED_MAX, int(COPIED_BYTES / entry_bytes)))
        keys = [self._keys.stream(log), self._keys.scratch(log)]
        taken, estimate = self._connection.script("calibrate", keys, [count])
        factor = taken / estimate if estimate > 0 else 1.0
        return factor if FACTOR_MIN <= factor <= FACTOR_MAX else 1.0
