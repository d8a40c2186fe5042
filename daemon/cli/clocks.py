"""What `tidemill status` says of clocks: this host's beside that of Redis, and those of ingestors that are wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.server_watch import SKEW_TOLD_S, spoken

LOGS_NAMED = 3


def clock_lines(clocks: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each clock that is wrong."""
    if abs(clocks["here_s"]) > SKEW_TOLD_S:
        yield f"this host's is {spoken(clocks['here_s'])} that of Redis"
    by_skew: dict[float, list[str]] = {}
    for one in clocks["ingestors"]:
        by_skew.setdefault(round(one["ahead_s"]), []).append(f"{one['topic']}:{one['partition']}")
    for ahead_s, logs in by_skew.items():
        more = f" and {len(logs) - LOGS_NAMED} more" if len(logs) > LOGS_NAMED else ""
        yield f"the ingestor's of {', '.join(logs[:LOGS_NAMED])}{more} is {spoken(ahead_s)} that of Redis"
