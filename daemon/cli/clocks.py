"""What `tidemill status` says of clocks: this host's beside that of Redis, and those of ingestors that are wrong."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streaming.buffer import LogState
    from streaming.redis_buffer import RedisLearnBuffer


def ask_clocks(buffer: "RedisLearnBuffer", states: "Sequence[LogState]") -> dict[str, Any]:
    """Return the skew of this host, and for each log that of the ingestor which registered it, where it is large."""
    from daemon.server_watch import SKEW_TOLD_S  # noqa: PLC0415 - only where needed

    began_s = time.monotonic()
    vitals = buffer.vitals()
    took_ms = 1000 * (time.monotonic() - began_s)
    here_ms = time.time_ns() / 1_000_000 - vitals.now_ms - took_ms / 2
    return {
        "here_s": round(here_ms / 1000, 1),
        "ingestors": [
            {"topic": one.log.topic, "partition": one.log.partition, "ahead_s": round(one.ahead_ms / 1000, 1)}
            for one in states
            if abs(one.ahead_ms) > 1000 * SKEW_TOLD_S
        ],
    }


def clock_lines(clocks: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each clock that is wrong."""
    from daemon.server_watch import SKEW_TOLD_S, spoken  # noqa: PLC0415

    if abs(clocks["here_s"]) > SKEW_TOLD_S:
        yield f"this host's is {spoken(clocks['here_s'])} that of Redis"
    by_skew: dict[float, list[str]] = {}
    for one in clocks["ingestors"]:
        by_skew.setdefault(round(one["ahead_s"]), []).append(f"{one['topic']}:{one['partition']}")
    for ahead_s, logs in by_skew.items():
        more = f" and {len(logs) - 3} more" if len(logs) > 3 else ""
        yield f"the ingestor's of {', '.join(logs[:3])}{more} is {spoken(ahead_s)} that of Redis"
