from streaming.dead_letters import DeadLetter, headers_of
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
