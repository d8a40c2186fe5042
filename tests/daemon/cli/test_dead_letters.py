"""`tidemill dead-letters` on the real broker: what lies there is listed, saved, and sent again, each once."""

import io
import json
import random
from collections import Counter

import pytest
from kafka import KafkaConsumer, KafkaProducer
from PIL import Image

from daemon.cli import letter_files
from streaming.dead_letters import DeadLetter, DeadLetterOptions, DeadLetters
from streaming.kafka_options import KafkaOptions
from streaming.letter_reader import LetterReader
from streaming.records import Reason, Record, RejectedRecord
from streaming.replay import Replayer, ReplayTakenOverError
from streaming.replay_marks import Marks
from streaming.source import Partition, Unreadable
from streaming.unreadable import stand_ins
from tests.support.images import encode, picture

PNG = encode(picture(8, 8), "PNG")
LABEL = ("ce_label", b"cat")


def heic():
    return b"\0\0\0\x18ftypheic" + bytes(40)


class Post:
    """A topic, its dead letters, and what lies in both."""

    def __init__(self, server, topic):
        self.options = KafkaOptions(server.bootstrap)
        self.bootstrap = server.bootstrap
        self.topic = topic
        self.next = 0

    def bury(self, value, reason=Reason.NOT_AN_IMAGE, *, key=b"k", headers=(LABEL,), partition=0, message="bad"):
        """Make a dead letter, as an ingestor does; return its record."""
        record = Record(self.topic, partition, self.next, 1_000, key, value, tuple(headers))
        self.next += 1
        self._send([DeadLetter(record, RejectedRecord(reason, message))])
        return record

    def bury_batch(self, count):
        """Make the dead letters of a batch that no client can read."""
        first = self.next
        self.next += count
        batch = Unreadable(first, self.next - 1, "the checksum is wrong", 300, "ab" * 32)
        records = stand_ins(Partition(self.topic, 0), batch, first, self.next)
        self._send([DeadLetter(one, RejectedRecord(Reason.UNREADABLE, one.unreadable)) for one in records])

    def _send(self, letters):
        office = DeadLetters(self.options, DeadLetterOptions())
        office.send(letters)
        office.close()

    def read(self, topic=None, isolation="read_committed"):
        consumer = KafkaConsumer(
            topic or self.topic,
            bootstrap_servers=self.bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level=isolation,
            consumer_timeout_ms=1_500,
        )
        try:
            return list(consumer)
        finally:
            consumer.close(autocommit=False)

    def replayer(self, group="tidemill-default.dead-letters"):
        return Replayer(self.options, group)

    def reader(self):
        return LetterReader(self.options, self.topic, ".dlq")


@pytest.fixture
def post(kafka_server, make_topic):
    topic = make_topic(2)
    make_topic(2, {"max.message.bytes": "20000"}, name=f"{topic}.dlq")
    return Post(kafka_server, topic)


@pytest.fixture
def letters(run, post):
    group = f"g-{post.topic}"

    def ran(command, *args):
        sets = (f"kafka.bootstrap_servers={post.bootstrap}", f"kafka.topics={post.topic}", f"kafka.group={group}")
        return run("dead-letters", command, *args, *(part for one in sets for part in ("--set", one)))

    return ran


def test_letters_are_listed_with_what_is_the_matter(post, letters):
    sent = [("ce_source", b"camera-1"), ("ce_id", b"cat-7"), LABEL]
    post.bury(b"text", headers=sent, message="this is text: send an image")
    post.bury(None, Reason.TOMBSTONE, headers=[])
    post.bury(random.Random(0).randbytes(60_000), Reason.TOO_LARGE)
    ran = letters("list", "--json")
    assert ran.status == 0
    first, second, third = ran.json
    assert {name: first[name] for name in ("topic", "partition", "offset", "reason", "label", "id", "source")} == {
        "topic": post.topic,
        "partition": 0,
        "offset": 0,
        "reason": "not_an_image",
        "label": "cat",
        "id": "cat-7",
        "source": "camera-1",
    }
    assert (first["bytes"], second["bytes"]) == (4, None)
    assert (third["bytes"], third["lost"]) == (60_000, ["value"])
    assert f"{post.topic}.dlq: 3 dead letters" in ran.err
    ran = letters("list", "--reason", "tombstone")
    assert "this is text" not in ran.out
    assert f"{post.topic}/0/1" in ran.out
    assert len(letters("list", "--limit", "1", "--json").json) == 1


def test_a_long_label_does_not_widen_the_table_and_is_whole_as_json(post, letters):
    sent = [("ce_source", b"s" * 300), ("ce_id", b"i" * 300), ("ce_label", "ü".encode() * 100)]
    post.bury(b"text", headers=sent, message="text")
    heading, row = letters("list").out.splitlines()
    assert len(row) < 220
    assert "ü" * 31 + "…" in row
    assert heading.index("what is the matter") == row.index("text")
    (told,) = letters("list", "--json").json
    assert (told["label"], told["source"], told["id"]) == ("ü" * 100, "s" * 300, "i" * 300)


def test_what_is_none_of_ours_is_counted_and_left_alone(post, letters, tmp_path):
    producer = KafkaProducer(bootstrap_servers=post.bootstrap)
    theirs = [("__connect.errors.topic", b"orders"), ("__connect.errors.partition", b"0")]
    for headers in ([], theirs, [("__connect.errors.topic", post.topic.encode()), ("tidemill.reason", b"empty")]):
        producer.send(f"{post.topic}.dlq", b"x", headers=headers)
    producer.close()
    post.bury(PNG)
    ran = letters("list", "--json")
    assert len(ran.json) == 1
    assert "3 more records are none of Tidemill's dead letters" in ran.err
    assert "3 are none of Tidemill's" in letters("replay").out
    assert [record.value for record in post.read()] == [PNG]


def test_a_wrong_reason_is_told_with_the_right_ones(letters):
    ran = letters("list", "--reason", "no_image")
    assert (ran.status, ran.out) == (2, "")
    assert "no_image" in ran.err
    assert "not_an_image" in ran.err


def test_without_a_topic_of_dead_letters_it_is_said_and_none_is_made(run, kafka_server, topic):
    sets = ("--set", f"kafka.bootstrap_servers={kafka_server.bootstrap}", "--set", f"kafka.topics={topic}")
    for command in (["list", "--json"], ["replay"]):
        ran = run("dead-letters", *command, *sets)
        assert ran.status == 0
        assert f"there is no topic {topic}.dlq" in ran.err
    assert "there is no topic" in run("dead-letters", "list", *sets).err


def test_without_kafka_it_is_one_line(run):
    for command in (["list"], ["replay"], ["save", "x"]):
        ran = run("dead-letters", *command)
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "kafka.bootstrap_servers" in ran.err


def test_letters_are_saved_with_the_endings_of_their_bytes(post, letters, tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "TIFF")
    values = [PNG, heic(), b"some text", stream.getvalue(), b"\0\1\2\xff", None, b""]
    for value in values:
        post.bury(value, key=b"\xff", headers=[LABEL, ("odd", b"\x80"), ("null", None)])
    folder = tmp_path / "deep" / "letters"
    ran = letters("save", str(folder))
    assert ran.status == 0, ran.err
    names = {f"{post.topic}-0-{at}" for at in range(len(values))}
    endings = ["png", "heic", "txt", "tif", "bin", None, "bin"]
    wanted = {f"{post.topic}-0-{at}.{ending}" for at, ending in enumerate(endings) if ending}
    assert {one.name for one in folder.iterdir()} == wanted | {f"{name}.json" for name in names}
    for at, (value, ending) in enumerate(zip(values, endings, strict=True)):
        stem = f"{post.topic}-0-{at}"
        if ending:
            assert (folder / f"{stem}.{ending}").read_bytes() == value
        beside = json.loads((folder / f"{stem}.json").read_text())
        assert beside["reason"] == "not_an_image"
        assert beside["key"] == {"base64": "/w=="}
        assert beside["headers"] == [["ce_label", "cat"], ["odd", {"base64": "gA=="}], ["null", None]]


def test_saving_again_writes_nothing_and_overwrites_nothing(post, letters, tmp_path):
    record = post.bury(PNG)
    post.next = record.offset
    post.bury(PNG)  # its twin
    post.bury(b"text")
    assert letters("save", str(tmp_path)).out.startswith("saved 2 dead letters")
    ran = letters("save", str(tmp_path))
    assert ran.status == 0
    assert ran.out.startswith("saved 0 dead letters")
    mine = tmp_path / f"{post.topic}-0-1.txt"
    mine.write_text("mine")
    ran = letters("save", str(tmp_path))
    assert ran.status == 1
    assert mine.name in ran.err
    assert mine.read_text() == "mine"
    assert not list(tmp_path.glob(".*"))


def test_a_link_that_waits_in_the_folder_is_not_followed(post, letters, tmp_path):
    post.bury(b"text")
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / f"{post.topic}-0-0.txt").symlink_to(tmp_path / "elsewhere")
    assert letters("save", str(folder)).status == 1
    assert not (tmp_path / "elsewhere").exists()


def test_what_has_lost_its_bytes_is_saved_without_them_and_says_so(post, letters, tmp_path):
    post.bury(random.Random(0).randbytes(60_000), Reason.TOO_LARGE)
    ran = letters("save", str(tmp_path))
    assert "1 of them has lost its bytes" in ran.err
    (file,) = tmp_path.iterdir()
    told = json.loads(file.read_text())
    assert (told["lost"], told["value"]["file"], told["value"]["bytes"]) == (["value"], None, 60_000)
    assert len(told["value"]["sha256"]) == 64


def test_records_are_sent_again_as_they_came_and_once(post, letters):
    headers = [LABEL, ("twice", b"1"), ("twice", None), ("tidemill.reason", b"theirs"), ("naïve", b"\x00\xff")]
    post.bury(PNG, headers=headers)
    post.bury(b"text", key=None, headers=[], partition=1)
    post.bury(None, Reason.TOMBSTONE, key=b"gone")
    dry = letters("replay", "--dry-run")
    assert dry.out.startswith(f"would send 3 records of {post.topic}.dlq to {post.topic} again")
    assert post.read() == []
    ran = letters("replay")
    assert ran.out.startswith(f"sent 3 records of {post.topic}.dlq to {post.topic} again")
    for _ in range(2):
        assert letters("replay").out.startswith("sent 0 records")
    found = sorted(post.read(), key=lambda one: one.value or b"")
    places = {(record.key, record.value): record for record in found}
    assert set(places) == {(b"k", PNG), (None, b"text"), (b"gone", None)}
    first = places[b"k", PNG]
    assert first.headers[:-1] == headers
    name, value = first.headers[-1]
    assert name == "tidemill.replayed_from"
    assert value.decode().startswith(f"{post.topic}.dlq/")
    assert places[None, b"text"].partition == 1, "where it was"


def test_only_what_is_asked_for_is_sent_and_the_rest_later(post, letters):
    for number in range(30):
        post.bury(f"{number}".encode(), [Reason.EMPTY, Reason.NOT_AN_IMAGE, Reason.UNKNOWN_LABEL][number % 3])
    ran = letters("replay", "--reason", "unknown_label", "--json")
    (told,) = ran.json
    assert (told["replayed"], told["not_asked"], told["before"]) == (10, 20, 0)
    assert letters("replay", "--reason", "unknown_label", "--json").json[0]["replayed"] == 0
    post.bury(b"30", Reason.UNKNOWN_LABEL)
    told = letters("replay", "--reason", "unknown_label", "--reason", "empty", "--json").json[0]
    assert (told["replayed"], told["before"]) == (11, 10)
    assert letters("replay", "--json").json[0]["replayed"] == 10
    assert letters("replay", "--json").json[0]["replayed"] == 0
    assert Counter(int(record.value) for record in post.read()) == Counter(range(31)), "each once"


def test_what_has_lost_its_bytes_is_named_and_not_sent(post, letters):
    post.bury(random.Random(0).randbytes(60_000), Reason.TOO_LARGE)
    post.bury(PNG)
    ran = letters("replay")
    assert ran.out.startswith("sent 1 record of ")
    assert "1 has lost bytes" in ran.out
    assert f"not sent: {post.topic}/0/0 (" in ran.err
    assert "its value did not fit there and is lost, 60000 bytes" in ran.err
    assert [record.value for record in post.read()] == [PNG]


def test_what_no_client_could_read_is_listed_saved_and_named_but_not_sent(post, letters, tmp_path):
    post.bury(PNG)
    post.bury_batch(2)
    loss = f"it lost its bytes, for no client could read its batch (offsets 1 to 2, 300 bytes, sha256 {'ab' * 32})"
    listed = sorted(letters("list", "--reason", "unreadable", "--json").json, key=lambda one: one["offset"])
    assert [(one["offset"], one["message"], one["bytes"], one["loss"]) for one in listed] == [
        (offset, "the checksum is wrong", None, loss) for offset in (1, 2)
    ]
    assert all(one["lost"] == ["value", "key", "headers"] for one in listed)
    assert "no client could read" in letters("list").out.replace("\n", " ")
    ran = letters("save", str(tmp_path), "--reason", "unreadable")
    assert "2 of them have lost their bytes" in ran.err
    told = json.loads((tmp_path / f"{post.topic}-0-1.json").read_text())
    assert (told["loss"], told["value"], told["key"]) == (loss, {"file": None, "bytes": None, "sha256": None}, None)
    assert ["tidemill.batch_sha256", "ab" * 32] in told["headers"]
    ran = letters("replay")
    assert ran.out.startswith("sent 1 record of ")
    assert "2 have lost bytes" in ran.out
    for offset in (1, 2):
        assert f"not sent: {post.topic}/0/{offset} (" in ran.err
    assert ran.err.count(f"{loss}; send it from its source") == 2
    assert [record.value for record in post.read()] == [PNG]


def test_what_the_topic_takes_no_more_is_named_and_sent_once_it_does(kafka_server, make_topic, letters, post):
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource, ConfigResourceType

    admin = KafkaAdminClient(bootstrap_servers=post.bootstrap)

    def limit(value):
        configs = {"max.message.bytes": str(value)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, post.topic, configs=configs)])

    post.bury(random.Random(0).randbytes(9_000))
    post.bury(PNG)
    limit(5_000)
    ran = letters("replay")
    assert ran.out.startswith("sent 1 record of ")
    assert "1 is larger than the topic takes" in ran.out
    limit(1_000_000)
    assert letters("replay").out.startswith("sent 1 record of ")
    assert len(post.read()) == 2
    admin.close()


class Killed(BaseException):
    """As kill -9: nothing runs after it."""


@pytest.mark.parametrize("step", ["begin_transaction", "send_offsets_to_transaction", "commit_transaction"])
def test_a_replay_that_dies_anywhere_is_done_once_by_the_next(post, step):
    for number in range(5):
        post.bury(f"{number}".encode())
    group = f"dying-{post.topic}"
    first = post.replayer(group)

    def die(*_args):
        raise Killed

    reader = post.reader()
    first._begin()
    setattr(first._producer, step, die)
    with pytest.raises(Killed):
        first.replay(reader, post.topic, lambda letter: True)
    reader.close()
    for expected in (5, 0):
        again, reader = post.replayer(group), post.reader()
        assert again.replay(reader, post.topic, lambda letter: True).sent == expected
        again.close()
        reader.close()
    assert sorted(record.value for record in post.read()) == [b"0", b"1", b"2", b"3", b"4"]
    first.close()


def test_two_replays_at_once_send_each_letter_once(post):
    for number in range(5):
        post.bury(f"{number}".encode())
    group = f"two-{post.topic}"
    first, second, reader = post.replayer(group), post.replayer(group), post.reader()
    first._begin()
    assert second.replay(reader, post.topic, lambda letter: True).sent == 5
    first._marks_at = lambda place, topic_id: Marks()  # it had looked before
    with pytest.raises(ReplayTakenOverError):
        first.replay(reader, post.topic, lambda letter: True)
    assert len(post.read()) == 5
    for one in (first, second, reader):
        one.close()


def test_a_topic_of_dead_letters_made_again_begins_anew(post, letters, make_topic):
    from kafka import KafkaAdminClient

    from tests.support.roles import eventually

    for number in range(3):
        post.bury(f"{number}".encode())
    assert letters("replay").out.startswith("sent 3 records")
    admin = KafkaAdminClient(bootstrap_servers=post.bootstrap)
    admin.delete_topics([f"{post.topic}.dlq"])
    eventually(lambda: admin.describe_topics([f"{post.topic}.dlq"])[0]["error_code"] != 0, "it is gone")
    make_topic(2, name=f"{post.topic}.dlq")
    eventually(lambda: admin.describe_topics([f"{post.topic}.dlq"])[0]["error_code"] == 0, "it is there")
    admin.close()
    post.bury(b"new")
    assert letters("replay").out.startswith("sent 1 record of ")


def test_a_letter_of_a_replayed_record_says_where_it_came_from(post, letters):
    post.bury(PNG)
    letters("replay")
    (record,) = post.read()
    post.bury(record.value, headers=record.headers)
    told = letters("list", "--json").json[-1]
    assert told["replayed_from"] == dict(record.headers)["tidemill.replayed_from"].decode()
    assert "(sent again from" in letters("list").out
    letters("replay")
    newest = post.read()[-1]
    assert [name for name, _ in newest.headers].count("tidemill.replayed_from") == 1


@pytest.mark.parametrize(
    ("value", "ending"),
    [(b"\xff\xd8\xffabc", "jpg"), (b"RIFF\0\0\0\0WEBPVP8 ", "webp"), (b"GIF89a", "gif"), (bytes(128) + b"DICM", "dcm")],
)
def test_the_ending_is_told_by_the_bytes(value, ending):
    assert letter_files._ending(value) == ending
