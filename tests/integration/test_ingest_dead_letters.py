"""Every reason for a dead letter, through the real broker: the original byte for byte, and what became of it."""

import hashlib
import io
import random
import time
import uuid

import pytest
from PIL import Image

from streaming.records import Reason
from tests.support.images import encode, picture
from tests.support.ingestors import Site, check_chain, eventually, markers

LABEL = ("ce_label", b"cat")
GOOD = encode(picture(12, 12), "PNG")


def _gif():
    stream = io.BytesIO()
    Image.new("P", (4, 4)).save(stream, "GIF")
    return stream.getvalue()


BAD = {
    Reason.MISSING_LABEL: (GOOD, [("ce_id", b"1")]),
    Reason.INVALID_LABEL: (GOOD, [("ce_label", b"\xff\xfe")]),
    Reason.UNKNOWN_LABEL: (GOOD, [("ce_label", b"zebra")]),
    Reason.EMPTY: (b"", [LABEL]),
    Reason.NOT_AN_IMAGE: (b"this is text", [LABEL]),
    Reason.UNSUPPORTED_FORMAT: (_gif(), [LABEL]),
    Reason.TOO_LARGE: (GOOD + b"\0" * 5_000, [LABEL]),
    Reason.TOO_MANY_PIXELS: (encode(picture(100, 100), "PNG"), [LABEL]),
    Reason.UNDECODABLE: (GOOD[:-20], [LABEL]),
    Reason.MALFORMED_EVENT: (b"{", [LABEL, ("content-type", b"application/cloudevents+json")]),
}
LIMITS = {"classes": frozenset({"cat", "dog"}), "max_bytes": 4_000, "max_pixels": 5_000}


@pytest.fixture
def site(kafka_server, redis_server, make_topic):
    one = Site(kafka_server, redis_server, make_topic(1))
    yield one
    one.close()


def test_every_reason_arrives_with_key_value_and_headers_byte_for_byte(site):
    extra = [("twice", b"1"), ("twice", b"2"), ("empty", b""), ("naïve", b"\x00\xff")]
    for number, (value, headers) in enumerate(BAD.values()):
        key = None if number % 2 else f"key-{number}".encode()
        site.send(value=value, key=key, headers=[*extra, *headers])
        site.send()
    with site.ingesting(**LIMITS) as running:
        site.wait_position(2 * len(BAD))
    entries = site.entries()
    assert check_chain(entries) == 2 * len(BAD)
    assert [marker.reason for marker in markers(entries)] == list(BAD)
    assert running.seen.reasons == {reason.value: 1 for reason in BAD}
    assert running.seen.counts == {"consumed": 20, "buffered": 10}
    arrived = site.consume(f"{site.topic}.dlq", len(BAD))
    assert len(arrived) == len(BAD)
    for number, (reason, record) in enumerate(zip(BAD, arrived, strict=True)):
        value, headers = BAD[reason]
        assert record.value == value
        assert record.key == (None if number % 2 else f"key-{number}".encode())
        ours = len(extra) + len(headers)
        assert record.headers[:ours] == [*extra, *headers]
        said = dict(record.headers[ours:])
        assert said["tidemill.reason"].decode() == reason.value
        assert said["__connect.errors.topic"].decode() == site.topic
        assert said["__connect.errors.partition"] == b"0"
        assert said["__connect.errors.offset"] == str(2 * number).encode()
        assert {"__connect.errors.stage", "__connect.errors.exception.class.name"} < said.keys()
        assert said["__connect.errors.exception.message"]


def test_a_tombstone_is_a_dead_letter_as_it_came(site):
    site.producer.send(site.topic, key=b"k", headers=[LABEL], partition=0)
    site.send()
    with site.ingesting() as running:
        site.wait_position(2)
    assert running.seen.reasons == {"tombstone": 1}
    (record,) = site.consume(f"{site.topic}.dlq", 1)
    assert (record.key, record.value, record.headers[0]) == (b"k", None, LABEL)
    assert dict(record.headers)["tidemill.reason"] == b"tombstone"


def test_labels_that_look_alike_are_one_label_and_hidden_characters_are_named(site):
    types = ("spring_json_header_types", b'{"ce_label":"java.lang.String"}')
    alike = ["caf\u00e9", "cafe\u0301", "caf\u00e9 ", "\u00a0caf\u00e9"]
    for label in alike:
        site.send(headers=[("ce_label", label.encode())])
    site.send(headers=[("ce_label", b'"caf\\u00e9"'), types])
    site.send(headers=[("ce_label", "caf\u00e9\u200b".encode())])
    with site.ingesting():
        site.wait_position(6)
    assert {entry.label for entry in site.entries()[:5]} == {"caf\u00e9"}
    ((refused,),) = [site.consume(f"{site.topic}.dlq", 1)]
    said = dict(refused.headers)
    assert said["tidemill.reason"] == b"invalid_label"
    assert b"U+200B ZERO WIDTH SPACE" in said["__connect.errors.exception.message"]


def test_a_tombstone_without_key_is_a_dead_letter_too(site):
    from streaming.dead_letters import DeadLetter, DeadLetterOptions, DeadLetters
    from streaming.records import Record, RejectedRecord

    letters = DeadLetters(site.options, DeadLetterOptions(create_topics=True))
    headers = (("null", None), ("empty", b""), ("null", b"x"))
    letters.send([DeadLetter(Record(site.topic, 0, 7, 1, None, None, headers), RejectedRecord(Reason.TOMBSTONE, "x"))])
    letters.close()
    (record,) = site.consume(f"{site.topic}.dlq", 1)
    assert (record.key, record.value, record.headers[:3]) == (None, None, list(headers))


def test_one_too_large_for_the_dead_letter_topic_goes_without_its_value(site, make_topic):
    make_topic(1, {"max.message.bytes": "3000"}, name=f"{site.topic}.dlq")
    large = random.Random(0).randbytes(20_000)
    site.send(value=b"small", headers=[LABEL])
    site.send(value=large, key=b"k", headers=[LABEL])
    site.send(value=b"small", headers=[LABEL])
    with site.ingesting():
        site.wait_position(3)
    arrived = {dict(one.headers)["__connect.errors.offset"]: one for one in site.consume(f"{site.topic}.dlq", 3)}
    assert [arrived[offset].value for offset in (b"0", b"2")] == [b"small", b"small"]
    without = dict(arrived[b"1"].headers)
    assert arrived[b"1"].key == b"k"
    assert arrived[b"1"].value is None
    assert without["ce_label"] == b"cat"
    assert without["tidemill.value_bytes"] == b"20000"
    assert without["tidemill.value_sha256"].decode() == hashlib.sha256(large).hexdigest()


def test_without_a_topic_for_dead_letters_everything_waits_and_says_so(site, make_topic):
    site.send()
    site.send(value=b"text", headers=[LABEL])
    site.send()
    with site.ingesting(letters={"create_topics": False}) as running:
        eventually(lambda: running.causes == {"dead_letters"})
        ready, reason = running.ingestor.ready()
        assert not ready
        assert f"{site.topic}.dlq" in reason
        assert "kafka.create_topics" in reason
        assert site.buffer.position(site.log()) == 0
        make_topic(1, name=f"{site.topic}.dlq")
        site.wait_position(3)
        eventually(lambda: running.ingestor.ready() == (True, ""))
    assert check_chain(site.entries()) == 3


def test_the_brake_stops_at_more_than_half_holds_over_a_restart_and_is_released(site):
    name = f"brake-{uuid.uuid4().hex[:6]}"
    site.send(40)
    site.send(200, value=b"text", headers=[LABEL])
    with site.ingesting(name, batch_records=16) as running:
        eventually(lambda: "brake" in running.causes)
        stopped_at = site.buffer.position(site.log())
        assert 100 <= stopped_at <= 120
        ready, reason = running.ingestor.ready()
        assert not ready
        assert f"tidemill release --brake --name {name}" in reason
    site.send(10)
    with site.ingesting(name, batch_records=16) as running:
        eventually(lambda: "brake" in running.causes)
        eventually(lambda: (site.topic, 0) in running.seen.lags)
        time.sleep(1)
        assert site.buffer.position(site.log()) == stopped_at
        began = time.monotonic()
        site.buffer.release(name, site.topic, {})
        eventually(lambda: site.buffer.position(site.log()) > stopped_at, timeout_s=7)
        assert time.monotonic() - began < 6
    assert check_chain(site.entries()) > stopped_at
