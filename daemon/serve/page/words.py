"""How the page says figures: "46.0 %", "3 min ago", "14:03:10 UTC", and `-` where something is not known."""

from datetime import UTC, datetime

UNKNOWN = "-"
NO_BREAK = "\u00a0"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def percent(share: float | None) -> str:
    """Return a share as percent."""
    return UNKNOWN if share is None else f"{100 * share:.1f}{NO_BREAK}%"


def right(share: float | None, of: int | None) -> str:
    """Return accuracy with what it was measured on: without the number it says little."""
    if share is None or of is None:
        return "accuracy not known: nothing was held out"
    return f"{percent(share)} right of {of:,} held out"


def count(n: int | None, what: str = "", plural: str = "") -> str:
    """Return a number, with its noun where one is given."""
    if n is None:
        return UNKNOWN
    return f"{n:,} {what if n == 1 else plural or what + 's'}" if what else f"{n:,}"


def duration(seconds: float | None) -> str:
    """Return a time span in the unit that suits it."""
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit_s, above_s, name in ((1, MINUTE_S * 2, "s"), (MINUTE_S, HOUR_S * 2, "min"), (HOUR_S, DAY_S * 2, "h")):
        if seconds < above_s:
            return f"{seconds / unit_s:.0f} {name}"
    return f"{seconds / DAY_S:.0f} days"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago a moment was; clocks of two hosts may differ, so what is ahead is now."""
    if at_ms is None:
        return UNKNOWN
    seconds = max(0, (now_ms - at_ms) // 1000)
    return f"{seconds} s ago" if seconds < 10 else f"{duration(seconds)} ago"


def size(n: int | None) -> str:
    """Return bytes in the unit that suits them."""
    if n is None:
        return UNKNOWN
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= unit:
            return f"{n / unit:.1f} {name}"
    return f"{n} bytes"


def moment_ms(text: str | None) -> int | None:
    """Return the milliseconds since the epoch of an RFC 3339 text; None for none."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def clock(at_ms: int | None) -> str:
    """Return the time of day."""
    return UNKNOWN if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S} UTC"


def stamp(at_ms: int | None) -> str:
    """Return date and time for `<time datetime>`; empty for None."""
    return "" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(at_ms: int | None) -> str:
    """Return date and time for people."""
    return UNKNOWN if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
