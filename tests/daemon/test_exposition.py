"""/metrics in every form that Prometheus 2 and 3 ask for: the names are the same in all of them."""

import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from daemon.health import encode_metrics
from daemon.ingest.observer import Pause
from daemon.metrics import IngestMetrics, LearnMetrics, OutageMetrics, RunMetrics, ServeMetrics, new_registry
from daemon.outage import Need
from streaming.records import Reason

PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping={0};q=0.6"
)
ACCEPTS = {
    "none": "",
    "any": "*/*",
    "Prometheus 2": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Prometheus 2, protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Prometheus 3, {0}": "application/openmetrics-text;version=1.0.0;escaping={0};q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping={0};q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "Prometheus 3, protobuf, {0}": PROTOBUF + ",application/openmetrics-text;version=1.0.0;escaping={0};q=0.5,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "Prometheus 3, text 1.0.0, {0}": "text/plain;version=1.0.0;escaping={0};q=0.3,*/*;q=0.1",
    "Prometheus 3, text 0.0.4, {0}": "text/plain;version=0.0.4;escaping={0};q=0.3,*/*;q=0.1",
    "spaced, {0}": "application/openmetrics-text; version=1.0.0; Escaping={0}; q=0.5",
}
SCHEMES = ("allow-utf-8", "underscores", "dots", "values")
HEADERS = {
    name.format(scheme): accept.format(scheme) for name, accept in ACCEPTS.items() for scheme in SCHEMES
}  # those without a place for it are the same for each


@pytest.fixture(scope="module", params=["serve", "the others"])
def registry(request):
    """Every metric of every role; learner and server have some by the same name, each of its own."""
    one = new_registry()
    if request.param == "serve":
        ServeMetrics(one).answered("/v1/models/{name}", 200)
        return one
    ingest = IngestMetrics(one)
    ingest.dead_lettered(Reason.EMPTY)
    ingest.paused(frozenset({Pause.BRAKE}))
    ingest.lag("images", 0, 3)
    LearnMetrics(one, model="default").waiting_dropped(1)
    RunMetrics(one)
    OutageMetrics(one, [Need.KAFKA], lambda: 1)
    return one


def names(text: str) -> set[str]:
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("header", HEADERS)
def test_names_stay_whatever_is_asked_for(registry, header):
    content_type, body = encode_metrics(registry, HEADERS[header])
    text = body.decode()
    plain = names(encode_metrics(registry, "")[1].decode())
    assert "process_resident_memory_bytes" in plain
    assert {"tidemill_ingest_paused", "tidemill_http_requests_total"} & plain
    assert names(text) == plain
    parse = open_metrics if content_type.startswith("application/openmetrics-text") else text_format
    assert {sample.name for family in parse(text) for sample in family.samples} == plain
    assert re.search(r"escaping=(?!underscores)", content_type) is None, "what is said is what was done"


def test_open_metrics_is_still_given_to_those_who_ask(registry):
    content_type, body = encode_metrics(registry, HEADERS["Prometheus 3, values"])
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain;version=abc",
        "application/openmetrics-text;version=1.x;escaping=values",
        "application/openmetrics-text; version = latest",
        "text/plain;version=",
        "text/plain;version=1..0,*/*",
        ";;;===,,,",
        "application/openmetrics-text;version=1.0.0;escaping",
    ],
)
def test_an_odd_header_is_answered_as_well(registry, accept):
    content_type, body = encode_metrics(registry, accept)
    assert content_type.startswith(("text/plain", "application/openmetrics-text"))
    assert {"tidemill_ingest_paused", "tidemill_http_requests_total"} & names(body.decode())
