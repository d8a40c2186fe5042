"""The registered logs of a job and the state of their streams, for both sides of the buffer."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from streaming.buffer import LogState
from streaming.entries import position_of
from streaming.keys import Keys, log_field, log_of_field
from streaming.records import Log
from streaming.redis_calibration import Calibration
from streaming.redis_client import RedisConnection

MEASURE_EVERY_S = 5.0
MEASURE_GROWTH = 1.25
"""A stream that grew by more than this is measured again at once: its first entries may have been small markers."""

MEASURE_BLOCKS = 20_000
"""Blocks of a stream looked at in one measurement: exact up to there (3 ms), then the oldest stand for all."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What an ingestor last said of a log, `at_ms` by the server's clock; its own was `ahead_ms` ahead of that."""

    end: int
    at_ms: int
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class _Measured:
    at_s: float
    length: int
    entry_bytes: float


class RedisStreams:
    """Registers logs, and tells length, position and memory of their streams. Raises the buffer's errors."""

    def __init__(self, connection: RedisConnection, keys: Keys, clock_s: Callable[[], float] = time.monotonic) -> None:
        """`clock_s` never goes back; it says when a measured entry size is too old."""
        self._connection = connection
        self._keys = keys
        self._clock_s = clock_s
        self._measured: dict[Log, _Measured] = {}
        self._calibration = Calibration(connection, keys)

    def register(self, log: Log, end: int, now_ms: int) -> None:
        """Write what is known of a log into the registry. `now_ms`: this host's time of day, to tell its skew."""
        self._connection.script("register", [self._keys.logs], [log_field(log), end, now_ms])

    def registered(self) -> dict[Log, Registration]:
        """Return the registered logs, sorted."""
        raw = self._connection.call("HGETALL", self._keys.logs)
        logs = {}
        for field, value in raw.items():
            known = json.loads(value)
            # What 0.1 registered tells no skew, and the time of its own clock.
            registration = Registration(int(known["end"]), int(known["at"]), int(known.get("ahead", 0)))
            logs[log_of_field(field)] = registration
        return dict(sorted(logs.items()))

    def states(self) -> list[LogState]:
        """Return the state of every registered log, sorted."""
        states = []
        for log, known in self.registered().items():
            keys = [self._keys.stream(log), self._keys.dead(log)]
            now_ms, last, length, dead, *oldest = self._connection.script("state", keys, ["at"])
            states.append(
                LogState(
                    log=log,
                    length=length,
                    position=position_of(last),
                    end=known.end,
                    bytes_used=self._bytes(log, length),
                    oldest_buffered_ms=int(oldest[0]) if oldest else None,
                    registered_ms=known.at_ms,
                    now_ms=int(now_ms),
                    ahead_ms=known.ahead_ms,
                    dead_letters=dead,
                )
            )
        return states

    def position(self, log: Log) -> int:
        """Return the last id of a log's stream; 0 when there is no stream."""
        return position_of(self._connection.script("state", [self._keys.stream(log), self._keys.dead(log)], ["at"])[1])

    def bytes_used(self) -> int:
        """Return the sum over all registered streams of length times measured entry size."""
        logs = list(self.registered())
        lengths = self._connection.call_many([("XLEN", self._keys.stream(log)) for log in logs])
        self._measured = {log: measured for log, measured in self._measured.items() if log in set(logs)}
        return sum(self._bytes(log, length) for log, length in zip(logs, lengths, strict=True))

    def _bytes(self, log: Log, length: int) -> int:
        if length == 0:
            return 0
        known = self._measured.get(log)
        now_s = self._clock_s()
        if known is None or now_s - known.at_s >= MEASURE_EVERY_S or length > MEASURE_GROWTH * known.length:
            known = self._measured[log] = self._measure(log, now_s)
        return int(length * known.entry_bytes)

    def _measure(self, log: Log, now_s: float) -> _Measured:
        estimate, length = self._connection.script("measure", [self._keys.stream(log)], [MEASURE_BLOCKS])
        if length == 0:
            return _Measured(now_s, 0, 0.0)
        return _Measured(now_s, length, self._calibration.factor(log, estimate / length, now_s) * estimate / length)
