"""What Tidemill depends on: what does not answer, tries made again, clocks."""

from scripts.dashboards.panels import WELL, Panel, lines, states, text
from scripts.dashboards.queries import Ask, of, rate


def dependencies() -> list[Panel]:
    """Return a row."""
    return [outages(width=12), _retries(), _clock()]


def outages(width: int) -> Panel:
    """Return what does not answer, over time."""
    return states(
        "What does not answer",
        "none",
        text(
            "all green.",
            "work waits and goes on by itself. `/readyz` says the reason.",
            "outage-lasting",
        ),
        Ask(f"max by (job, what) ({of('outage_ongoing')})", "{{job}}: {{what}}"),
        words=WELL,
        width=width,
    )


def _retries() -> Panel:
    return lines(
        "Tries made again",
        "cps",
        text(
            "0; a few when a server restarts.",
            "without an outage beside it: it answers now and then. See its log.",
            "outage-lasting",
        ),
        Ask(rate(of("retries_total"), "job, what"), "{{job}}: {{what}}"),
        width=6,
    )


def _clock() -> Panel:
    return lines(
        "Clock against Redis",
        "s",
        text(
            "within a second of 0.",
            "above 5 s either way: times in logs and metrics are off on that host. Run NTP.",
            "clock-skew",
        ),
        Ask(of("clock_skew_seconds"), "{{job}} {{instance}}"),
        width=6,
        bottom=None,
    )
