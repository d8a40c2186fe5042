"""Takes a window out of the buffer: reads, checks the chain of each log, and hands over plain arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from daemon.learn.ages import Ages
from daemon.learn.trigger import WindowLimits, assess
from model.window import Arrival, LogKey, Span, Window
from streaming.buffer import LearnBuffer, LogState
from streaming.records import Entry, Log, Marker, Sample

READ_ENTRIES_MAX = 256
"""Entries in one read: a few megabytes at 64 pixels, so that no single answer of Redis is large."""

ENTRIES_PER_SAMPLE_MAX = 16
"""A window of nearly nothing but dead letters ends here, so that a round's reading is bounded."""


class BrokenChainError(Exception):
    """The buffer misses records that the learner has not learnt. The ingestors must read them again."""


class WrongSizeError(Exception):
    """The ingestors decode to another `image.size` than the learner's."""


@dataclass(slots=True)
class _Taken:
    """What has been read of one log so far."""

    key: LogKey
    start: int | None
    position: int
    expired: int = 0
    dead_lettered: int = 0
    samples: list[Sample] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """Append the next entry of the chain; skip what is learnt already."""
        if self.start is None:
            self.start = self.position = entry.after
        if entry.offset < self.position:
            return
        if entry.after > self.position:
            message = (
                f"{self.key.topic}/{self.key.partition}: the buffer continues from offset {entry.after}, "
                f"but only what lies below {self.position} is learnt: "
                "if this state was restored from a backup, start once with --adopt, which has Kafka read again"
            )
            raise BrokenChainError(message)
        # Of what retention took, the part below our position was learnt before it went.
        self.expired += max(0, entry.after + entry.expired - max(entry.after, self.position))
        self.position = entry.offset + 1
        if isinstance(entry, Marker):
            self.dead_lettered += 1
        else:
            self.samples.append(entry)


class WindowTaker:
    """Decides whether a window is due and takes it. Reading changes nothing in the buffer."""

    def __init__(self, buffer: LearnBuffer, limits: WindowLimits, size: int, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only grow."""
        self._buffer = buffer
        self._limits = limits
        self._size = size
        self._ages = Ages(clock)
        self._fruitless_below = 0

    def take(self, positions: Mapping[LogKey, int], *, hurried: bool = False) -> Window | None:
        """Return the next window, or None while none is due; `hurried`: it is due as soon as one is allowed.

        Raises BrokenChainError where records are missing, BufferUnavailableError where Redis does not answer.
        """
        every = self._buffer.logs()
        due = assess(self._ages.look(every), learnt_positions(positions), self._limits)
        states = [state for state in every if state.length]
        wanted = self._limits.starting(hurried=hurried)
        if due.entries == 0 or not (due.aged or due.samples >= max(wanted, self._fruitless_below)):
            return None
        taken = self._read(states, positions)
        samples = sum(len(one.samples) for one in taken)
        if not any(one.start is not None and one.position > one.start for one in taken):
            return None
        if not due.accepts(samples, self._limits, hurried=hurried):
            # Markers that 0.1 wrote count as samples: read again only when enough has come for a full window.
            self._fruitless_below = due.samples + wanted - samples
            return None
        self._fruitless_below = 0
        return self._window(taken)

    def _read(self, states: list[LogState], positions: Mapping[LogKey, int]) -> list[_Taken]:
        total = sum(state.length for state in states)
        taken: list[_Taken] = []
        for state in states:
            left = self._limits.samples_max - sum(len(one.samples) for one in taken)
            quota = min(left, max(1, self._limits.samples_max * state.length // total))
            if quota == 0:
                break
            key = log_key(state.log)
            position = positions.get(key)
            one = _Taken(key, position, position or 0)
            self._read_log(state.log, one, quota)
            taken.append(one)
        return taken

    def _read_log(self, log: Log, one: _Taken, quota: int) -> None:
        entries_left = quota * ENTRIES_PER_SAMPLE_MAX
        start = one.position
        while len(one.samples) < quota and entries_left > 0:
            count = min(READ_ENTRIES_MAX, quota - len(one.samples), entries_left)
            entries = self._buffer.read(log, start, count)
            for entry in entries:
                one.take(entry)
            if not entries:
                return
            entries_left -= len(entries)
            start = entries[-1].offset + 1

    def _window(self, taken: list[_Taken]) -> Window:
        samples = [(one.key, sample) for one in taken for sample in one.samples]
        shape = (len(samples), self._size, self._size, 3)
        pixels = np.empty(shape, dtype=np.uint8)
        for row, (key, sample) in enumerate(samples):
            if len(sample.pixels) != pixels[0].size:
                message = (
                    f"{key.topic}/{key.partition} offset {sample.offset} has {len(sample.pixels)} bytes of pixels, not "
                    f"the {pixels[0].size} of image.size={self._size}: give ingestors and learner the same image.size"
                )
                raise WrongSizeError(message)
            pixels[row] = np.frombuffer(sample.pixels, dtype=np.uint8).reshape(shape[1:])
        return Window(
            spans=tuple(
                Span(one.key, one.start, one.position, one.dead_lettered, one.expired)
                for one in taken
                if one.start is not None and one.position > one.start
            ),
            arrivals=tuple(
                Arrival(key, s.offset, s.sample_id, s.label, s.event_time_ms, s.source, s.buffered_ms)
                for key, s in samples
            ),
            pixels_NHWC=pixels,
        )


def learnt_positions(positions: Mapping[LogKey, int]) -> dict[Log, int]:
    """Return the store's positions by the buffer's names of logs."""
    return {log_of(key): position for key, position in positions.items()}


def log_key(log: Log) -> LogKey:
    """Return the store's name of a log."""
    return LogKey(log.topic, log.topic_id, log.partition, log.incarnation)


def log_of(key: LogKey) -> Log:
    """Return the buffer's name of a log."""
    return Log(key.topic, key.topic_id, key.partition, key.incarnation)
