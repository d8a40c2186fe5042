"""Dead letters that are not taken: who waits, what is tried again, and when it is over."""

from structlog.testing import capture_logs

from daemon.ingest import delivery
from daemon.ingest.observer import Pause
from streaming.kafka_options import KafkaUnavailableError
from tests.daemon.ingest.test_brake import log, two_topics
from tests.support.fake_kafka import BAD
from tests.support.ingestors import check_chain


def test_the_topic_whose_letter_is_not_taken_waits_and_no_other(rig):
    one = two_topics(rig)
    one.kafka.send(3)
    one.kafka.send(1, value=BAD)
    one.kafka.send(40, topic="birds")
    one.letters.error = KafkaUnavailableError("too large")
    one.turn(6, pass_s=1)
    assert one.buffer.position(log(one, "birds")) == 40
    assert one.seen.causes[-1] == {Pause.DEAD_LETTERS}
    assert one.ingestor.ready() == (False, "dead_letters: too large")
    one.letters.error = None
    one.turn(4, pass_s=6)
    assert one.offsets(log(one, "images")) == [0, 1, 2, 3]
    assert one.ingestor.ready() == (True, "")


def test_a_letter_is_tried_again_without_reading_its_record_again_and_readiness_comes_with_it(rig):
    one = rig()
    one.kafka.send(1, value=BAD)
    one.letters.error = KafkaUnavailableError("gone")
    one.turn(3)
    tries = one.letters.tries
    one.turn(5, pass_s=6)
    assert one.letters.tries >= tries + 4
    one.letters.error = None
    one.ingestor._brake.look = lambda: frozenset({"images"})  # other causes keep the topic from being read
    one.turn(1, pass_s=6)
    assert one.letters.sent == [(0, 0)]
    assert "dead_letters" not in one.ingestor.ready()[1]
    del one.ingestor._brake.look
    one.turn(4, pass_s=6)
    assert one.letters.sent == [(0, 0)], "it is not sent a second time"
    assert one.offsets() == [0]


def test_what_retention_or_a_person_took_is_waited_for_no_more(rig):
    one = rig()
    one.kafka.send(2)
    one.turn()
    one.kafka.send(1, value=BAD)
    one.kafka.send(2)
    one.letters.error = KafkaUnavailableError("too large")
    one.turn(5, pass_s=1)
    assert not one.ingestor.ready()[0]
    one.kafka.expire(3)
    one.turn(4, pass_s=6)
    assert one.ingestor.ready() == (True, "")
    assert one.letters.sent == []
    assert [entry.expired for entry in one.entries()] == [0, 0, 1, 0]
    assert check_chain(one.entries()) == 5


def test_of_several_letters_those_that_arrive_are_not_sent_again(rig):
    one = rig()
    one.kafka.send(4, value=BAD)
    one.kafka.send(1)
    one.letters.error = KafkaUnavailableError("too large")
    one.letters.refuses = lambda letter: letter.record.offset == 2
    one.turn(5, pass_s=6)
    assert one.letters.sent == [(0, 0), (0, 1)]
    one.letters.refuses = lambda letter: False
    one.turn(4, pass_s=6)
    assert one.letters.sent == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert one.offsets() == list(range(5))


def test_a_letter_too_large_to_be_held_is_read_again_with_pauses(rig, monkeypatch):
    monkeypatch.setattr(delivery, "HELD_BYTES_MAX", 2)
    one = rig()
    one.kafka.send(1, value=BAD)
    one.kafka.send(1)
    one.letters.error = KafkaUnavailableError("too large")
    one.turn(3)
    tries = one.letters.tries
    one.turn(10, pass_s=0.01)
    assert one.letters.tries == tries, "not before its time"
    one.turn(6, pass_s=6)
    assert tries < one.letters.tries < tries + 6
    one.letters.error = None
    one.turn(6, pass_s=6)
    assert one.offsets() == [0, 1]
    assert one.ingestor.ready() == (True, "")


def test_a_partition_that_another_has_now_is_no_longer_waited_for(rig):
    one = rig(partitions=2)
    one.kafka.send(1, value=BAD, partition=1)
    one.letters.error = KafkaUnavailableError("too large")
    one.turn(4, pass_s=1)
    one.source.share = lambda partition: partition.partition == 0
    one.turn(2, pass_s=1)
    assert one.ingestor.ready() == (True, "")


def test_dead_letters_are_said_once_a_minute_with_reasons_sources_and_an_example(rig):
    one = rig()
    headers = (("ce_source", b"camera-1"), ("ce_id", b"cat-17"))
    one.kafka.send(300)
    one.turn(20)
    with capture_logs() as logs:
        for _ in range(9):
            one.kafka.send(2, value=BAD, headers=headers)
            one.kafka.send(1, value=None)
            one.turn(3, pass_s=7)
    said = [line for line in logs if line["event"] == "records became dead letters"]
    assert 3 <= len(said) <= 5
    assert sum(line["count"] for line in said) >= 20
    assert said[0]["log_level"] == "warning"
    assert said[0]["blame"] == "not_an_image 2 (camera-1 2), tombstone 1 (no ce_source 1)"
    example = {name: said[0][name] for name in ("example", "id", "reason", "message")}
    assert example == {"example": "images/0/300", "id": "cat-17", "reason": "not_an_image", "message": "bad"}
    assert "tidemill dead-letters list" in said[0]["cure"]
