"""The two clocks that are handed to everything: one tells the time of day, one only grows."""

import time

monotonic_s = time.monotonic
"""Seconds that only grow."""


def now_ms() -> int:
    """Return the time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
