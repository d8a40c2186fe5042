"""Ingest: what comes in, what does not, and why it stands still."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.dependencies import dependencies
from scripts.dashboards.frame import Row, frame
from scripts.dashboards.panels import GREEN, RED, Panel, above, lines, number, rows, text
from scripts.dashboards.processes import started, usage
from scripts.dashboards.queries import DEAD_SHARE, FRESH_S, Ask, increase, of, quantile, rate
from scripts.dashboards.standstill import AT, PAUSES, PLACE, stops, transactions


def ingest() -> Dashboard:
    """Return the dashboard of intake."""
    return frame(
        "ingest",
        "ingest",
        "From Kafka into the buffer: rates, lag by partition, dead letters by reason, pauses and outages.",
        [
            Row("Now", [_records(), _share(), _paused(), _oldest(), _full(), _lost()]),
            Row("Records", [_rates(), _reasons()]),
            Row("Lag", [_lag(), _lag_seconds()]),
            Row("What stands still", stops()),
            Row("Transactions and loss", transactions()),
            Row("Buffer and dead letters", [_buffer(), _letters()]),
            Row("Speed", [_decode(), _redis()]),
            Row("Dependencies", dependencies()),
            Row("Processes", [*usage(), started()]),
        ],
    )


def _records() -> Panel:
    return number(
        "Records taken in",
        "cps",
        text(
            "what producers send, over the last minute.",
            "0 while producers send: see pauses below.",
            "intake-behind",
        ),
        Ask(rate(of("records_consumed_total"), window="1m"), "records"),
    )


def _share() -> Panel:
    dead = increase(of("records_dead_lettered_total"))
    return number(
        "Dead letters",
        "percentunit",
        text(
            f"below {DEAD_SHARE:.0%} of the records, over the time shown.",
            "dead letters by reason (below) says what is wrong; `tidemill dead-letters list` shows samples.",
            "dead-letters",
        ),
        Ask(f"{dead} / ({increase(of('records_consumed_total'))} > 0)", "dead letters"),
        steps=above(DEAD_SHARE / 2, DEAD_SHARE),
        decimals=2,
    )


def _paused() -> Panel:
    return number(
        "Ingestors",
        "none",
        text(
            "each reads.",
            "it takes no records, of one topic at least: the causes stand below. It keeps its place and goes on by "
            "itself, but for the brake, which a person releases: `tidemill release`.",
            "brake",
        ),
        Ask(of("ingest_paused"), "{{instance}}"),
        words=PAUSES,
    )


def _oldest() -> Panel:
    return number(
        "Oldest record not taken in",
        "s",
        text(
            "seconds.",
            "the partition with the largest age (below) stands still or is behind.",
            "intake-behind",
        ),
        Ask(f"max({of('kafka_lag_seconds')})", "age"),
        steps=above(60, FRESH_S),
    )


def _full() -> Panel:
    return number(
        "In the buffer",
        "bytes",
        text(
            "well below buffer.bytes_max (1 GB unless set otherwise).",
            "at that limit ingestors pause: the learner does not keep up, or does not run.",
            "buffer-near-limit",
        ),
        Ask(f"sum({of('buffer_bytes')})", "bytes"),
    )


def _lost() -> Panel:
    return number(
        "Records lost",
        "short",
        text(
            "0.",
            "Kafka's retention took records before they were read: raise retention.ms of the topic first.",
            "records-expired",
        ),
        Ask(increase(of("records_expired_total")), "lost"),
        steps=above(1, 1),
        decimals=0,
    )


def _rates() -> Panel:
    return lines(
        "Records",
        "cps",
        text(
            "buffered is nearly all of what is taken in.",
            "known already: a partition is read again, after a restart, a rebalance or a loss of Redis; it ends. "
            "Dead letters: see beside.",
        ),
        Ask(rate(of("records_consumed_total")), "taken in"),
        Ask(rate(of("records_buffered_total")), "buffered"),
        Ask(rate(of("records_dead_lettered_total")), "dead letters"),
        Ask(rate(of("records_duplicate_total")), "known already"),
    )


def _reasons() -> Panel:
    return lines(
        "Dead letters by reason",
        "cps",
        text(
            "none, or a few of a kind that you know.",
            "docs/operations.md explains each reason. After the cause is mended: `tidemill dead-letters replay`.",
            "dead-letters",
        ),
        Ask(rate(of("records_dead_lettered_total"), "reason"), "{{reason}}"),
        stacked=True,
    )


def _lag() -> Panel:
    return lines(
        "Records not taken in, by partition",
        "short",
        text(
            "near 0, alike in all partitions; peaks after bursts that fall again.",
            "one partition grows: it stands still (below). All grow: more ingestors, up to one a partition, or see "
            "pauses.",
            "intake-behind",
        ),
        Ask(f"max by ({PLACE}) ({of('consumer_lag_records')})", AT),
    )


def _lag_seconds() -> Panel:
    return lines(
        "Age of the oldest record not taken in, by partition",
        "s",
        text(
            "seconds; 0 where nothing waits.",
            "rising by a second a second: nothing is taken in there. Rising slower: ingestors are behind.",
            "intake-behind",
        ),
        Ask(f"max by ({PLACE}) ({of('kafka_lag_seconds')})", AT),
        limits=((None, GREEN), (FRESH_S, RED)),
    )


def _buffer() -> Panel:
    return lines(
        "Waits in the buffer",
        "short",
        text(
            "a saw: up to about round.samples, down with each round.",
            "only up: the learner does not run, is paused, or is slower than what comes in.",
            "buffer-near-limit",
        ),
        Ask(f"sum({of('buffer_samples')})", "samples"),
        Ask(f"sum({of('buffer_dead_letters')})", "markers of dead letters"),
    )


def _letters() -> Panel:
    return rows(
        "Dead letters of this job",
        "short",
        text(
            "an empty table, or reasons that you know: all that were ever dead-lettered, over all topics.",
            "`tidemill dead-letters list` shows them, `replay` sends them again once the cause is mended.",
            "dead-letters",
        ),
        Ask(f"max by (reason) ({of('dead_letters')}) > 0", "dead letters"),
        columns={"reason": "reason"},
    )


def _decode() -> Panel:
    return lines(
        "Time to decode a record",
        "s",
        text(
            "below 10 ms for pictures of a megapixel.",
            "large pictures take long: resize them at the producer, or give ingestors more cores (ingest.workers).",
        ),
        Ask(quantile(0.5, "decode_seconds"), "half of the records"),
        Ask(quantile(0.99, "decode_seconds"), "99 % of the records"),
    )


def _redis() -> Panel:
    return lines(
        "Time of a Redis command, 95 %",
        "s",
        text(
            "a few milliseconds.",
            "all are slow: Redis swaps, writes its file anew, or the network is slow. `redis-cli --latency` tells.",
            "outage-lasting",
        ),
        Ask(quantile(0.95, "redis_command_seconds", by="command"), "{{command}}"),
    )
