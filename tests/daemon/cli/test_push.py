"""`tidemill push` to real Kafka, and what it says where it cannot."""

import pytest
from kafka import KafkaConsumer, TopicPartition
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "images" / label / f"{number}.png")
    return tmp_path / "images"


def records_of(bootstrap: str, topic: str) -> list:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=2000)
    consumer.assign([TopicPartition(topic, number) for number in range(3)])
    try:
        return list(consumer)
    finally:
        consumer.close()


def test_a_folder_is_in_kafka_when_it_ends(run, folder, kafka_server, topic):
    ran = run(
        "push", str(folder), "--topic", topic, "--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}", "--json"
    )
    assert ran.status == 0
    assert ran.json == {
        "topic": topic,
        "images": 6,
        "acknowledged": 6,
        "failed": 0,
        "skipped": 0,
        "classes": {"cat": 3, "dog": 3},
        "failures": [],
    }
    labels = sorted(dict(record.headers)["ce_label"].decode() for record in records_of(kafka_server.bootstrap, topic))
    assert labels == ["cat"] * 3 + ["dog"] * 3


def test_what_is_no_image_in_a_class_is_skipped_and_said(run, folder, kafka_server, topic):
    for name in ("loose.png", "cat/moving.gif", "cat/.hidden"):
        (folder / name).write_bytes(b"x")
    ran = run("push", str(folder), "--topic", topic, "--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}")
    assert ran.status == 0
    assert "6 of 6 images of 2 classes" in ran.out
    assert ran.err.count("skipped") == 2
    assert "loose.png" in ran.err
    assert "moving.gif" in ran.err


def test_one_that_fails_is_named_and_the_status_is_1(run, folder, kafka_server, make_topic):
    topic = make_topic(configs={"max.message.bytes": "4000"})
    (folder / "cat" / "large.jpg").write_bytes(bytes(10_000))
    ran = run("push", str(folder), "--topic", topic, "--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}")
    assert ran.status == 1
    assert "large.jpg" in ran.err
    assert "6 of 7 images of 2 classes" in ran.out


def test_a_topic_that_does_not_exist_is_made_only_if_allowed(run, folder, kafka_server, topic):
    sets = ("--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}", "--topic", f"{topic}-new")
    ran = run("push", str(folder), *sets)
    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert "kafka.create_topics" in ran.err
    assert run("push", str(folder), *sets, "--set", "kafka.create_topics=true").status == 0


def test_a_broker_that_does_not_answer_is_one_line(run, folder):
    ran = run("push", str(folder))
    assert ran.status == 1
    assert "kafka.bootstrap_servers" in ran.err
    assert ran.err.strip().count("\n") == 0


@pytest.mark.parametrize("name", ["none", "images/cat"])
def test_a_folder_without_classes_is_told(run, folder, name):
    ran = run("push", str(folder.parent / name))
    assert ran.status == 2
    assert ran.err.count("\n") == 1
    assert name in ran.err
