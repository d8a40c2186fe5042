"""Every expression of the dashboards gives data, with the labels of its legend, on a running Tidemill with faults."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from scripts.dashboards.answers import Span, filled
from tests.monitoring.dashboards import NAMES, Asked, asked, dashboard, variables
from tests.support.monitored import Monitored

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(900)]

EVERY = [one for name in NAMES for one in asked(name)]


def grafana(one: Monitored) -> dict[str, str]:
    """What Grafana puts in for its variables, and for ours where all is chosen."""
    # The roles are scraped once a second; a person looks at hours, with a point every few seconds.
    return Span(one.began_s, one.ended_s, step_s=9).values(scrape_s=1)


def finite(series: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the series that have a value at some moment, which is a number."""
    return [one for one in series if any(math.isfinite(float(value)) for _, value in one["values"])]


@pytest.mark.parametrize("one", EVERY, ids=[one.where for one in EVERY])
def test_an_expression_gives_data_with_the_labels_of_its_legend(one: Asked, monitored: Monitored):
    expr = filled(one.expr, grafana(monitored))
    series = finite(monitored.prometheus.range(expr, monitored.began_s, monitored.ended_s))
    assert series, f"no data: {expr}"
    for found in series:
        lacking = sorted(label for label in one.labels if not found["metric"].get(label))
        assert not lacking, f"{found['metric']} lacks {lacking}: {expr}"


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_has_values_to_choose_from(name: str, monitored: Monitored):
    for variable, query in variables(name).items():
        selector, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        assert monitored.prometheus.label_values(label, filled(selector, grafana(monitored))), variable


def test_events_are_marked_when_they_happened(monitored: Monitored):
    """All annotations are alike on the four dashboards: those of the first are looked at."""
    events = {one["name"]: one for one in dashboard("overview")["annotations"]["list"]}
    found = {name: _answer(monitored, one["expr"]) for name, one in events.items()}
    moments_ms = {float(value) for series in found["Published"] for _, value in series["values"]}
    assert all(monitored.began_s <= moment / 1000 <= monitored.ended_s for moment in moments_ms)
    versions = {int(series["metric"]["version"]) for series in found["Published"]}
    assert len(versions) >= 4
    # None of the others is marked at each moment, but only around what happened.
    for name in ("Refused", "Rolled back", "Class joined"):
        marked = sum(len(series["values"]) for series in found[name])
        assert 0 < marked < monitored.ended_s - monitored.began_s - 1, name


def test_a_sample_of_freshness_names_its_round(monitored: Monitored):
    asked_for = next(one for one in EVERY if one.exemplar)
    expr = filled(asked_for.expr, grafana(monitored))
    series = monitored.prometheus.exemplars(expr, monitored.began_s, monitored.ended_s)
    assert {label for one in series for exemplar in one["exemplars"] for label in exemplar["labels"]} == {"round"}


def _answer(one: Monitored, expr: str) -> list[dict[str, Any]]:
    return one.prometheus.range(filled(expr, grafana(one)), one.began_s, one.ended_s)
