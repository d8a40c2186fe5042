"""Every rule is well, and what it reads is there, on the Tidemill with faults that the dashboards are tested on."""

import re
from typing import Any

import pytest

from tests.monitoring.test_expressions import finite
from tests.support.monitored import Monitored

pytestmark = [
    pytest.mark.long,
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.timeout(900),
]

SELECTOR = re.compile(r"(?<![\w:])((?:tidemill|up|process)[\w:]*)(\{[^}]*\})?(?=[\s\[)]|$)")
CANNOT_BE_CAUSED: dict[str, str] = {
    "tidemill:disk:days_left": "is there only while a disk fills, and what this one does is not ours",
    'tidemill_outage_since_timestamp_seconds{what=~"announcement|redis_memory"}': "walked.py takes the topic away",
}
"""Selectors and recorded series that a test of a minute cannot have, and why."""


def rules(one: Monitored) -> list[dict[str, Any]]:
    """Return the rules as Prometheus has read them."""
    return [rule for group in one.prometheus.get("rules", {})["groups"] for rule in group["rules"]]


def test_every_rule_was_evaluated_without_an_error(monitored: Monitored):
    found = rules(monitored)
    assert found
    ill = {rule["name"]: rule["lastError"] for rule in found if rule["health"] != "ok"}
    assert not ill


def test_every_recording_rule_gives_data(monitored: Monitored):
    empty = set()
    for rule in rules(monitored):
        if rule["type"] == "recording":
            labels = ",".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
            if not _has_data(monitored, f"{rule['name']}{{{labels}}}"):
                empty.add(rule["name"])
    assert empty == {name for name in CANNOT_BE_CAUSED if name in empty}, empty


def test_every_selector_of_an_alert_finds_something(monitored: Monitored):
    read = {
        f"{name}{matchers}": rule["name"]
        for rule in rules(monitored)
        if rule["type"] == "alerting"
        for name, matchers in SELECTOR.findall(rule["query"])
    }
    assert read
    empty = {one: alert for one, alert in read.items() if not _has_data(monitored, one)}
    assert not {one: alert for one, alert in empty.items() if one not in CANNOT_BE_CAUSED}


def _has_data(one: Monitored, expr: str) -> bool:
    return bool(finite(one.prometheus.range(expr, one.began_s, one.ended_s)))
