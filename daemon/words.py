"""How numbers are said to people, everywhere alike."""

from datetime import UTC, datetime

from model.words import counted

__all__ = ["clock_time", "counted", "lasted"]


def lasted(seconds: float) -> str:
    """Return a duration in its largest unit, as `14 s`, `12 min`, `3 h` or `5 days`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 99.5:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 47.5 else f"{hours / 24:.0f} days"


def clock_time(at_ms: int | None) -> str | None:
    """Return milliseconds since the epoch as a time of day in UTC; None for None."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
