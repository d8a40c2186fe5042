"""RFC 3339 times, to the letter: `datetime.fromisoformat` would also take dates, weeks and times without a zone."""

import calendar
import datetime
import re

_TIME = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
)
_EARLIEST_MS = -62_135_596_800_000
"""0001-01-01T00:00:00Z; what `datetime` can hold, so that nobody downstream meets a time that it cannot print."""
_LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""


def parse_ms(value: bytes) -> int | None:
    """Return milliseconds since the epoch (digits beyond are cut); None unless `value` is an RFC 3339 time.

    A leap second is the second after it. Times outside of the years 1 to 9999 in UTC are None.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    offset_hours, offset_minutes = int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hours > 23 or offset_minutes > 59:
        return None
    try:
        datetime.date(year, month, day)
    except ValueError:
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    offset_s = 60 * (60 * offset_hours + offset_minutes)
    seconds -= -offset_s if match[8] == b"-" else offset_s
    time_ms = 1000 * seconds + int((match[7] or b"0")[:3].ljust(3, b"0"))
    return time_ms if _EARLIEST_MS <= time_ms <= _LATEST_MS else None


def plausible_ms(timestamp_ms: int) -> bool:
    """Tell whether a record's own timestamp is one: not negative (-1 is Kafka's *none*), not beyond the year 9999."""
    return 0 <= timestamp_ms <= _LATEST_MS
