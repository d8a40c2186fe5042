"""Reads from a role's /metrics what its /readyz does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True, slots=True)
class Read:
    """What a role's metrics tell."""

    outages: Mapping[str, float] = field(default_factory=dict)
    """By what is away: since when, in seconds since the epoch."""
    pauses: frozenset[str] = frozenset()
    """Causes for which an ingestor takes no records."""
    followers: Mapping[str, int] | None = None
    """Clients by the version that they have; None where the role does not count them."""


def read_metrics(text: str, model: str) -> Read:
    """Return what a page of metrics in Prometheus' text format tells; of followers, those of `model`.

    Raises ValueError for a page that is none.
    """
    found = {family.name: family.samples for family in text_string_to_metric_families(text)}
    since: list[Sample] = found.get("tidemill_outage_since_timestamp_seconds", [])
    causes: list[Sample] = found.get("tidemill_ingest_pause_cause", [])
    counted: list[Sample] | None = found.get("tidemill_followers")
    return Read(
        {one.labels["what"]: one.value for one in since if one.value > 0},
        frozenset(one.labels["cause"] for one in causes if one.value),
        None
        if counted is None
        else {one.labels["version"]: int(one.value) for one in counted if one.labels.get("model") == model},
    )
