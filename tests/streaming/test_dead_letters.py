import pytest

from streaming.dead_letters import DeadLetter, DeadLetterOptions, DeadLetters, headers_of
from streaming.kafka_options import KafkaOptions, KafkaUnavailableError
from streaming.letter_limits import LetterLimits
from streaming.records import Reason, Record, RejectedRecord


def headers(reason, *own):
    record = Record("images", 3, 41, 0, b"k", b"v", own)
    return headers_of(DeadLetter(record, RejectedRecord(reason, "größe")))


def test_the_records_own_headers_come_first_untouched():
    own = (("a", b"1"), ("a", None), ("tidemill.reason", b"theirs"))
    found = headers(Reason.EMPTY, *own)
    assert found[:3] == list(own)
    assert dict(found)["tidemill.reason"] == b"empty"


def test_what_went_wrong_and_where_from_is_said_as_kafka_connect_says_it():
    assert dict(headers(Reason.UNDECODABLE)) == {
        "__connect.errors.topic": b"images",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"41",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.exception.class.name": b"streaming.records.RejectedRecord",
        "__connect.errors.exception.message": "größe".encode(),
        "tidemill.reason": b"undecodable",
    }
    assert dict(headers(Reason.MISSING_LABEL))["__connect.errors.stage"] == b"HEADER_CONVERTER"


class Admin:
    """Knows every topic, and how large a batch each takes."""

    limit = 200

    def topic_ids(self, topics):
        return dict.fromkeys(topics, "id")

    def message_bytes_max(self, topic):
        return self.limit

    def request_bytes_max(self):
        return None


def test_a_limit_that_nothing_fits_is_asked_again_with_the_next_try(monkeypatch):
    office, admin, sent = DeadLetters(KafkaOptions("127.0.0.1:1"), DeadLetterOptions()), Admin(), []
    monkeypatch.setattr(office, "_admin", admin)
    monkeypatch.setattr(office, "_limits", LetterLimits(admin, lambda: 0.0))  # no time passes
    monkeypatch.setattr(office, "_deliver", lambda sending: sent.extend(sending) or [])
    letter = DeadLetter(Record("images", 3, 41, 0, b"k", b"v", ()), RejectedRecord(Reason.EMPTY, "none"))
    with pytest.raises(KafkaUnavailableError, match=r"images\.dlq takes batches of 200 bytes at most"):
        office.send([letter])
    admin.limit = 1_000_000
    office.send([letter])
    assert [form.value for _, form in sent] == [b"v"]
