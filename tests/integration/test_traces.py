"""log.otlp: from the producer's trace over the batch that took the record in to the round that learnt and published it.

Real Kafka and Redis, both roles as processes, and a collector that speaks OTLP/HTTP.
"""

import io
import json
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from kafka import KafkaProducer
from PIL import Image

from tests.support.collector import collecting, facts, identity, linked
from tests.support.roles import Tidemill, eventually, free_port

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30)}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CLOUD_TRACE, CLOUD_SPAN = "1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331"
BROKEN = (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", b"nonsense", b"\xff\xfe", b"")


def send(bootstrap, topic, n, *, seed=0):
    """Send n records; some bear a trace context, one by each way, others an invalid one."""
    rng = np.random.default_rng(seed)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    borne = [
        [("traceparent", f"00-{TRACE}-{SPAN}-01".encode()), ("tracestate", b"vendor=value")],
        [("ce_traceparent", f"00-{CLOUD_TRACE}-{CLOUD_SPAN}-01".encode())],
        *([("traceparent", one)] for one in BROKEN),
    ]
    for index in range(n):
        label = ("red", "green")[index % 2]
        encoded = io.BytesIO()
        pixels = np.clip(rng.normal(COLOURS[label], 25, (20, 20, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(encoded, "PNG")
        headers = [("ce_label", label.encode()), *(borne[index] if index < len(borne) else [])]
        producer.send(topic, value=encoded.getvalue(), headers=headers, partition=index % 3)
    producer.flush()
    producer.close()


def settings(kafka_server, redis_url, topic, announced, otlp):
    return {
        "kafka": {
            "bootstrap_servers": kafka_server.bootstrap,
            "topics": [topic],
            "announce_topic": announced,
            "session_timeout_ms": 6000,
        },
        "redis": {"url": redis_url},
        "image": {"size": 16},
        "model": {"architecture": "model.network.mlp:mlp"},
        "round": {"samples": 60, "min_samples": 16, "max_wait_s": 2, "poll_s": 0.1},
        "gate": {"first_holdout": 8},
        "log": {"format": "json", "otlp": otlp},
    }


@pytest.fixture
def traced(tmp_path, kafka_server, redis_url, topic, make_topic):
    make_topic(1, name=f"{topic}.dlq")
    announced = make_topic(1, {"cleanup.policy": "compact"}, name=f"{topic}.models")
    made = []

    def make(otlp):
        one = Tidemill(tmp_path, settings(kafka_server, redis_url, topic, announced, otlp))
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


def status(tidemill):
    try:
        return httpx.get(f"http://127.0.0.1:{tidemill.ports['learn']}/status", timeout=5).json()
    except httpx.TransportError:
        return {}


@pytest.mark.long
def test_a_producers_trace_leads_to_the_version_that_learnt_its_record(traced, kafka_server, topic):
    with collecting() as collector:
        tidemill = traced(collector.url)
        for role in ("ingest", "learn"):
            tidemill.start(role)
        send(kafka_server.bootstrap, topic, 90)
        eventually(lambda: collector.spans("publish"), "a publication is traced", 200)
        assert tidemill.stop() == [0, 0], tidemill.logs()
    batches = collector.spans("ingest batch", "tidemill-ingest")
    borne = {context for batch in batches for context in linked(batch)}
    assert borne == {(TRACE, SPAN), (CLOUD_TRACE, CLOUD_SPAN)}, "invalid ones are ignored"
    states = {facts(link).get("w3c.tracestate") for batch in batches for link in batch.links}
    assert states == {"vendor=value", None}
    assert sum(facts(batch)["messaging.batch.message_count"] for batch in batches) == 90

    publish = collector.spans("publish")[0]
    [learnt] = [one for one in collector.spans("round", "tidemill-learn") if one.trace_id == publish.trace_id]
    assert publish.parent_span_id == learnt.span_id
    taken = {identity(batch): batch for batch in batches}
    assert linked(learnt) <= taken.keys() and linked(learnt)
    whole = {context for one in collector.spans("round") for context in linked(one)}
    with_trace = {key for key, batch in taken.items() if linked(batch)}
    assert with_trace <= whole, "the rounds lead back to the producers"
    stages = {name for service, name in collector.names() if service == "tidemill-learn"} - {"round"}
    assert {"take", "claim", "screen", "train", "calibrate", "stage", "evaluate", "commit", "publish", "trim"} <= stages
    assert collector.paths == {"/v1/traces"}

    lines = [json.loads(line) for log in tidemill.folder.glob("learn-*.log") for line in log.read_text().splitlines()]
    [published] = [one for one in lines if one["event"] == "version published" and one["version"] == 1]
    assert published["trace_id"] == publish.trace_id.hex()
    assert published["round"] == facts(learnt)["tidemill.round"]


@pytest.mark.long
def test_a_collector_that_is_away_costs_one_warning_and_its_return_one_line(traced, kafka_server, topic, redis_server):
    port = free_port()
    tidemill = traced(f"http://127.0.0.1:{port}")
    process = tidemill.start("ingest")
    taken_in = lambda: read_metric(tidemill, "tidemill_records_consumed_total")  # noqa: E731
    send(kafka_server.bootstrap, topic, 60)
    eventually(lambda: taken_in() >= 60, "ingest goes on", 60)
    log = next(tidemill.folder.glob("ingest-*.log"))
    eventually(lambda: "traces are not taken" in log.read_text(), "it is said", 30)
    before = resident_kb(process.pid)
    for seed in range(1, 6):
        send(kafka_server.bootstrap, topic, 300, seed=seed)
    eventually(lambda: taken_in() >= 1560, "ingest goes on", 60)
    assert resident_kb(process.pid) - before < 60_000
    assert log.read_text().count("traces are not taken") == 1
    with collecting(port) as collector:
        send(kafka_server.bootstrap, topic, 30, seed=9)
        eventually(lambda: collector.spans("ingest batch"), "the collector is found again", 60)
        eventually(lambda: "traces are taken again" in log.read_text(), "and that is said", 10)
    began = time.monotonic()
    assert tidemill.stop() == [0]
    assert time.monotonic() - began < 10, "the last spans have a limit"
    others = [json.loads(line) for line in log.read_text().splitlines() if "opentelemetry" in line]
    assert not others, "and its own loggers say nothing beside"


def read_metric(tidemill, name):
    try:
        text = httpx.get(f"http://127.0.0.1:{tidemill.ports['ingest']}/metrics", timeout=5).text
    except httpx.TransportError:
        return -1.0
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


def resident_kb(pid):
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])
