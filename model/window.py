"""A window: the fresh samples of one round, and the offset ranges that they came from. Knows nothing of Redis."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, order=True)
class LogKey:
    """Identity of a partition's log, as the store keeps it."""

    topic: str
    topic_id: str
    partition: int
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """The range [start, end) of offsets that a window takes from one log."""

    log: LogKey
    start: int
    end: int
    dead_lettered: int
    expired: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One sample of a window, without its pixels."""

    log: LogKey
    offset: int
    sample_id: str
    label: str
    event_time_ms: int
    source: str
    buffered_ms: int = 0
    """When it was buffered, by the buffer's clock, in milliseconds since the epoch; 0: not known."""


@dataclass(frozen=True, slots=True)
class Window:
    """The fresh samples of one round in a fixed order: by log, then by offset."""

    spans: tuple[Span, ...]
    arrivals: tuple[Arrival, ...]
    pixels_NHWC: NDArray[np.uint8]
    """uint8, [len(arrivals), size, size, 3], RGB."""
