"""Lineage as the manifest and `rounds --json` give it: ranges of offsets, and what the records in them were."""

from collections.abc import Iterable

from model.store.facts import ClaimedSpan, Json
from model.window import LogKey

ALWAYS = ("trained", "holdout", "dead_lettered")
WHERE_NOT_ZERO = ("duplicate", "relabelled", "waiting", "suspect", "expired")


def lineage(spans: Iterable[ClaimedSpan]) -> list[Json]:
    """Return one entry for each log, sorted, its spans merged. Spans of one log follow each other without a gap."""
    logs: dict[LogKey, list[ClaimedSpan]] = {}
    for span in spans:
        logs.setdefault(span.log, []).append(span)
    return [_entry(log, logs[log]) for log in sorted(logs)]


def _entry(log: LogKey, spans: list[ClaimedSpan]) -> Json:
    entry: Json = {"topic": log.topic, "topic_id": log.topic_id, "partition": log.partition}
    if log.incarnation:
        # A log cut short and released by an operator starts again: its ranges are another log's.
        entry["incarnation"] = log.incarnation
    entry["from"] = min(span.start for span in spans)
    entry["to"] = max(span.end for span in spans)
    for kind in (*ALWAYS, *WHERE_NOT_ZERO):
        count = sum(int(getattr(span, kind)) for span in spans)
        if count or kind in ALWAYS:
            entry[kind] = count
    return entry
