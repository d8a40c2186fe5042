"""A misspelt label, from a real producer to a person's decision, and to the published model: all roles as processes."""

import json
from functools import partial

import httpx
import numpy as np
import onnxruntime
import pytest
from kafka import KafkaProducer

from tests.integration.test_main_job import champion, learnt, picture, tidemill
from tests.support.accounting import check_tiles
from tests.support.roles import eventually

__all__ = ["tidemill"]


def produce(bootstrap, topic, labels, n, seed):
    """Send n records; a label's first word is the colour of its pictures."""
    rng = np.random.default_rng(seed)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for index in range(n):
        colour, label = labels[index % len(labels)]
        producer.send(topic, value=picture(colour, rng), headers=[("ce_label", label.encode())])
    producer.flush()
    producer.close()
    return n


@pytest.mark.slow
def test_a_misspelt_class_is_merged_and_a_wrong_one_retired(tidemill, topic, kafka_server):
    supervisor = tidemill.start("run")
    send = partial(produce, kafka_server.bootstrap, topic)
    right = [("red", "red"), ("green", "green"), ("blue", "blue")]
    sent = send([*right, *right, *right, ("green", "gren"), ("red", "re\u0301d "), ("red", "réd")], 440, 1)
    first = eventually(lambda: champion(tidemill), "the first version", 120)
    assert "gren" not in first["classes"]
    sent += send([*right, ("green", "gren")], 240, 2)
    eventually(lambda: learnt(tidemill) == sent, "all records in rounds", 120)
    waiting = {one["label"]: one for one in tidemill.json("classes", "list")["waiting"]}
    assert waiting["gren"]["near"] == "green"
    assert waiting["gren"]["count"] > 50
    assert "near to 'green'" in tidemill.run("status").stdout
    classes = [one["name"] for one in tidemill.json("classes", "list")["classes"]]
    assert "réd" in classes, "two spellings, one class"

    assert tidemill.run("classes", "merge", "gren", "green", "--wait", "60").returncode == 0
    assert tidemill.run("classes", "merge", "réd", "red", "--wait", "60").returncode == 0
    refused = tidemill.run("classes", "merge", "gren", "grene", "--wait", "60")
    assert (refused.returncode, "is no class" in refused.stderr) == (1, True)
    sent += send([*right, ("green", "gren"), ("red", "réd")], 300, 3)
    eventually(lambda: learnt(tidemill) == sent, "all records in rounds", 120)
    newest = eventually(
        lambda: (one := champion(tidemill)) and "réd" not in one["classes"] and one, "a version without réd", 60
    )
    assert {*newest["classes"]} == {"red", "green", "blue"}
    artefact = httpx.get(f"{tidemill.url}/v1/models/default/champion/model.onnx", timeout=30).content
    session = onnxruntime.InferenceSession(artefact)
    assert json.loads(session.get_modelmeta().custom_metadata_map["tidemill.classes"]) == newest["classes"]
    assert session.get_outputs()[0].shape[1] == 3
    metrics = httpx.get(f"http://127.0.0.1:{tidemill.ports['learn']}/metrics", timeout=5).text
    assert 'tidemill_classes{state="class"} 3.0' in metrics
    assert 'tidemill_classes{state="merged"} 2.0' in metrics
    assert any("class joined" in log.read_text() for log in tidemill.folder.glob("*.log")), (
        "logs() has their ends alone"
    )

    before = str(first["version"])
    assert tidemill.run("rollback", before, "--wait", "60").returncode == 0
    listed = tidemill.json("classes", "list")
    assert [one["name"] for one in listed["classes"]] == first["classes"]
    assert listed["merged"] == {}
    check_tiles(entry["lineage"] for entry in tidemill.json("rounds"))
    assert tidemill.run("verify").returncode == 0
    assert supervisor.poll() is None
    assert tidemill.stop() == [0], tidemill.logs()
