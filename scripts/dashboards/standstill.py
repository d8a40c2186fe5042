"""Why intake stands still, on the dashboard Ingest: pauses, partitions, transactions, and what retention took."""

from scripts.dashboards.panels import GREEN, RED, YELLOW, Panel, lines, states, text
from scripts.dashboards.queries import Ask, increase, of

PLACE = "topic, partition"
AT = "{{topic}} {{partition}}"
STOPS = {"0": ("reads", GREEN), "1": ("stands still", RED)}
PAUSES = {"0": ("reads", GREEN), "1": ("paused", YELLOW)}


def stops() -> list[Panel]:
    """Return pauses and partitions."""
    return [_causes(), _stopped()]


def transactions() -> list[Panel]:
    """Return open transactions, and what was lost."""
    return [_uncommitted(), _transactions(), _expired()]


def _causes() -> Panel:
    return states(
        "Pauses by cause",
        "none",
        text(
            "all green.",
            "buffer_full: the learner is behind. redis, eviction, dead_letters: see dependencies. brake: too many dead "
            "letters; mend the producer, then `tidemill release`.",
            "brake",
        ),
        Ask(f"max by (instance, cause) ({of('ingest_pause_cause')})", "{{instance}}: {{cause}}"),
        words=PAUSES,
    )


def _stopped() -> Panel:
    return states(
        "Partitions",
        "none",
        text(
            "all green.",
            "the partition's log was truncated, or holds what cannot be read: `tidemill status` says what to do.",
            "partition-stopped",
        ),
        Ask(f"max by ({PLACE}) ({of('partition_stopped')})", AT),
        words=STOPS,
    )


def _uncommitted() -> Panel:
    return lines(
        "Records behind an open transaction",
        "short",
        text(
            "0, or a short peak with each transaction of a producer.",
            "it grows: a transaction was never ended. The ingestor's log gives the command that aborts it.",
            "transaction-hanging",
        ),
        Ask(f"max by ({PLACE}) ({of('uncommitted_records')})", AT),
        width=8,
    )


def _transactions() -> Panel:
    return lines(
        "Age of open transactions",
        "s",
        text(
            "no line: no transaction is open.",
            "older than 20 min: it hangs, and all behind it waits. See the runbook.",
            "transaction-hanging",
        ),
        Ask(f"time() - min by ({PLACE}) ({of('uncommitted_since_timestamp_seconds')})", AT),
        width=8,
        limits=((None, GREEN), (1200, RED)),
    )


def _expired() -> Panel:
    return lines(
        "Records lost to retention",
        "short",
        text(
            "0.",
            "Kafka deleted records before they were read. They are lost; the lineage counts them as expired.",
            "records-expired",
        ),
        Ask(increase(of("records_expired_total"), PLACE, "$__rate_interval"), AT),
        width=8,
        bars=True,
        interval="1m",
    )
