"""What `tidemill status` says of dead letters: how many records became some, by topic and reason."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from daemon.words import counted


def dead_letters_told(found: Mapping[str, Mapping[str, int]] | None, suffix: str) -> dict[str, Any] | None:
    """Return the counts for programs; None where Redis does not say. `suffix` is what their topics end with."""
    if found is None:
        return None
    by_reason: Counter[str] = Counter()
    for reasons in found.values():
        by_reason.update(reasons)
    topics = [
        {"topic": topic, "dead_letters": f"{topic}{suffix}", "total": sum(reasons.values()), "reasons": dict(reasons)}
        for topic, reasons in sorted(found.items())
    ]
    return {"total": by_reason.total(), "reasons": dict(by_reason.most_common()), "topics": topics}


def dead_letter_lines(told: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield a line for each topic that has any, for people."""
    for one in told["topics"] if told else ():
        reasons = sorted(one["reasons"].items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{count} {reason}" for reason, count in reasons)
        yield f"{counted(one['total'], 'record')} of {one['topic']} went to {one['dead_letters']}: {named}"
