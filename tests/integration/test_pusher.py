"""A folder of class-named folders arrives in Kafka as it is."""

import os
from datetime import UTC, datetime

import pytest

from streaming.kafka_admin import TopicMissingError
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.pusher import Pusher, pictures_in, shuffled
from tests.support.images import encode, picture
from tests.support.ingestors import Site

NOW = datetime(2026, 5, 6, 7, 8, 9, 250_000, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    for label, name, kind in (("cat", "1.jpg", "JPEG"), ("dog", "deep/2.PNG", "PNG"), ("größe", "3.webp", "WEBP")):
        path = tmp_path / label / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(), kind))
    (tmp_path / "stray.png").write_bytes(b"no class")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(2))
    yield one
    one.close()


def push(site, folder, **options):
    pusher = Pusher(site.options, site.topic, "camera", now=lambda: NOW)
    try:
        return list(pusher.push(pictures_in(folder).pictures, **options))
    finally:
        pusher.close()


def test_each_picture_arrives_with_what_is_known_of_it(site, folder):
    steps = push(site, folder)
    assert [step.acknowledged for step in steps] == [1, 2, 3]
    assert steps[-1].failed == 0
    arrived = {dict(one.headers)["ce_id"].decode(): one for one in site.consume(site.topic, 3)}
    assert set(arrived) == {"cat/1.jpg", "dog/deep/2.PNG", "größe/3.webp"}
    for sample_id, kind in (
        ("cat/1.jpg", b"image/jpeg"),
        ("dog/deep/2.PNG", b"image/png"),
        ("größe/3.webp", b"image/webp"),
    ):
        record = arrived[sample_id]
        headers = dict(record.headers)
        assert record.value == (folder / sample_id).read_bytes()
        assert headers["ce_label"].decode() == sample_id.split("/")[0]
        assert headers["ce_time"] == b"2026-05-06T07:08:09.250Z"
        assert (headers["ce_source"], headers["content-type"]) == (b"camera", kind)


def test_what_is_pushed_is_what_an_ingestor_reads(site, folder):
    push(site, folder)
    with site.ingesting() as running:
        site.consume(site.topic, 3)
        running.until(lambda: running.seen.counts["buffered"] == 3)
    entries = [*site.entries(0), *site.entries(1)]
    assert {(one.label, one.sample_id, one.source) for one in entries} == {
        ("cat", "cat/1.jpg", "camera"),
        ("dog", "dog/deep/2.PNG", "camera"),
        ("größe", "größe/3.webp", "camera"),
    }
    assert {one.event_time_ms for one in entries} == {int(NOW.timestamp() * 1000)}


def test_they_are_sent_in_an_order_that_follows_from_the_seed(tmp_path):
    for number in range(40):
        (tmp_path / f"class-{number % 2}").mkdir(exist_ok=True)
        (tmp_path / f"class-{number % 2}" / f"{number}.png").write_bytes(b"x")
    found = pictures_in(tmp_path).pictures
    one, again, other = (shuffled(found, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert sorted(one, key=lambda picture: picture.path) == found != one
    assert len({picture.label for picture in one[:10]}) == 2


def test_what_is_skipped_is_told(folder):
    (folder / "cat" / ".thumb.png").write_bytes(b"hidden")
    (folder / "cat" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    assert [one.name for one in pictures_in(folder).skipped] == ["gone.jpg", "notes.txt", "stray.png"]


def test_one_that_is_too_large_or_unreadable_fails_alone(site, folder):
    (folder / "cat" / "0.jpg").write_bytes(os.urandom(2_000_000))
    (folder / "cat" / "9.jpg").symlink_to(folder / "nowhere.jpg")
    last = push(site, folder)[-1]
    assert (last.acknowledged, last.failed) == (3, 1)
    (failure,) = last.failures
    assert failure.path.name == "0.jpg"
    assert "max.message.bytes" in failure.reason


def test_it_stops_when_told(site, folder):
    assert push(site, folder, stop=lambda: True) == []


def test_wrong_folders_topics_and_addresses_are_said(site, folder, tmp_path):
    with pytest.raises(NotADirectoryError):
        pictures_in(tmp_path / "nowhere")
    with pytest.raises(TopicMissingError, match=r"kafka\.create_topics"):
        list(Pusher(site.options, f"{site.topic}-none", "camera").push(pictures_in(folder).pictures))
    with pytest.raises(KafkaUnavailableError, match=r"127\.0\.0\.1:1 does not answer"):
        list(Pusher(KafkaOptions("127.0.0.1:1"), site.topic, "camera").push(pictures_in(folder).pictures))
