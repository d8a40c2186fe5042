"""Of which reasons and sources dead letters are, in one line."""

from collections import Counter
from collections.abc import Iterable

from streaming.buffer import Blame

REASONS_SHOWN = 3
SOURCES_SHOWN = 2
SOURCE_CHARS_MAX = 64
NO_SOURCE = "no ce_source"


def summary(blames: Iterable[Blame]) -> str:
    """Return the reasons with the most dead letters, each with who sent the most; empty where there are none.

    As in `not_an_image 120 (camera-1 100, no ce_source 20), empty 3 (camera-2 3)`.
    """
    by_reason: dict[str, Counter[str]] = {}
    for one in blames:
        by_reason.setdefault(one.reason, Counter())[one.source[:SOURCE_CHARS_MAX]] += 1
    reasons = sorted(by_reason.items(), key=lambda item: (-item[1].total(), item[0]))
    told = [f"{reason} {sources.total()} ({_top(sources)})" for reason, sources in reasons[:REASONS_SHOWN]]
    return ", ".join(told + _more(len(reasons) - REASONS_SHOWN, "reasons"))


def _top(sources: Counter[str]) -> str:
    told = [f"{source or NO_SOURCE} {count}" for source, count in sources.most_common(SOURCES_SHOWN)]
    return ", ".join(told + _more(len(sources) - SOURCES_SHOWN, "sources"))


def _more(count: int, what: str) -> list[str]:
    return [f"{count} more {what}"] if count > 0 else []
