"""Images in through real Kafka, ONNX out over HTTP: all roles as processes, and the books balance."""

import hashlib
import io
import json

import httpx
import numpy as np
import onnxruntime
import pytest
from kafka import KafkaConsumer, KafkaProducer
from PIL import Image

from model.pictures import prepare
from tests.support.accounting import check_tiles
from tests.support.roles import Tidemill, eventually, quick_settings

SIZE = 16
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


def picture(label, rng):
    pixels = np.clip(rng.normal(COLOURS[label], 25, (20, 20, 3)), 0, 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return encoded.getvalue()


def produce(bootstrap, topic, labels, n, seed):
    """Send n good records and, after each tenth, a broken one; return how many of both."""
    rng = np.random.default_rng(seed)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    broken = 0
    for index in range(n):
        label = labels[index % len(labels)]
        producer.send(topic, value=picture(label, rng), headers=[("ce_label", label.encode())])
        if index % 10 == 9:
            producer.send(topic, value=b"not an image", headers=[("ce_label", b"red")])
            broken += 1
    producer.flush()
    producer.close()
    return n, broken


@pytest.fixture
def tidemill(tmp_path, kafka_server, redis_url, topic, make_topic):
    make_topic(1, name=f"{topic}.dlq")
    announced = make_topic(1, {"cleanup.policy": "compact"}, name=f"{topic}.models")
    one = Tidemill(tmp_path, quick_settings(kafka_server.bootstrap, redis_url, topic, announced, size=SIZE))
    yield one
    one.stop()


def champion(tidemill):
    try:
        answer = httpx.get(f"{tidemill.url}/v1/models/default/champion", timeout=5)
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None


def learnt(tidemill):
    lineages = [entry["lineage"] for entry in tidemill.json("rounds")]
    return sum(records for _, _, records in check_tiles(lineages).values())


@pytest.mark.slow
def test_what_streams_in_is_learnt_published_and_accounted_for(tidemill, topic, kafka_server):
    supervisor = tidemill.start("run")
    good, broken = produce(kafka_server.bootstrap, topic, ["red", "green"], 300, seed=1)
    first = eventually(lambda: champion(tidemill), "the first version", 120)
    assert first["classes"] == ["green", "red"] or set(first["classes"]) == {"red", "green"}

    more, more_broken = produce(kafka_server.bootstrap, topic, ["red", "green", "blue"], 450, seed=2)
    total = good + broken + more + more_broken
    eventually(lambda: learnt(tidemill) == total, f"all {total} records in rounds", 120)
    rounds = tidemill.json("rounds")
    assert sum(entry.get("dead_lettered", 0) for r in rounds for entry in r["lineage"]) == broken + more_broken

    newest = eventually(lambda: (c := champion(tidemill)) and "blue" in c["classes"] and c, "a version with blue", 60)
    check_model(tidemill, newest)
    check_versions_tile(tidemill, newest["version"])
    check_announced(kafka_server.bootstrap, f"{topic}.models", newest)
    assert tidemill.run("verify").returncode == 0

    assert supervisor.poll() is None
    assert tidemill.stop() == [0], tidemill.logs()


def check_model(tidemill, manifest):
    """The artefact is the one that the manifest describes, and it knows all colours."""
    answer = httpx.get(f"{tidemill.url}/v1/models/default/versions/{manifest['version']}/model.onnx", timeout=30)
    assert hashlib.sha256(answer.content).hexdigest() == manifest["file"]["sha256"]
    session = onnxruntime.InferenceSession(answer.content)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["tidemill.version"] == str(manifest["version"])
    assert json.loads(metadata["tidemill.classes"]) == manifest["classes"]
    rng = np.random.default_rng(3)
    for label in COLOURS:
        image = prepare(picture(label, rng), manifest["input"])
        probabilities = session.run(None, {"image": image})[0]
        assert manifest["classes"][int(probabilities.argmax())] == label


def check_versions_tile(tidemill, newest):
    manifests = [
        httpx.get(f"{tidemill.url}/v1/models/default/versions/{version}/manifest.json", timeout=5).json()
        for version in range(1, newest + 1)
    ]
    check_tiles(manifest["lineage"] for manifest in manifests)


def check_announced(bootstrap, topic, newest):
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=5000)
    announced = [json.loads(record.value) for record in consumer]
    consumer.close()
    assert newest["version"] in [manifest["version"] for manifest in announced]
