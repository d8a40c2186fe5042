"""Which batch of a broker's answer cannot be read, and what stands in for its records."""

import hashlib
import struct

import pytest
from kafka.record.memory_records import MemoryRecordsBuilder

from streaming import unreadable
from streaming.source import UNREADABLE_OFFSETS_MAX, Partition, Unreadable
from streaming.unreadable import first_unreadable, stand_ins

GZIP = 1
LAST_OFFSET_DELTA = 23
"""Where it stands in a batch."""


def batch(base, n, compression=0):
    builder = MemoryRecordsBuilder(2, compression, 1_000_000)
    for one in range(n):
        builder.append(timestamp=1_000, key=None, value=b"picture %d" % one, headers=[("ce_label", b"cat")])
    builder.close()
    raw = bytearray(builder.buffer())
    struct.pack_into(">q", raw, 0, base)  # the broker's own word; the checksum does not cover it
    return bytes(raw)


def damaged(raw, at=-1):
    raw = bytearray(raw)
    raw[at] ^= 0x10
    return bytes(raw)


GOOD, BAD, BEHIND = batch(10, 5), damaged(batch(15, 4)), batch(19, 3)


def test_what_can_be_read_is_well():
    assert first_unreadable(GOOD + batch(15, 4, GZIP) + BEHIND, 12, 22) is None
    assert first_unreadable(b"", 22, 22) is None
    assert first_unreadable(GOOD + BEHIND[:40], 10, 22) is None, "the rest of a batch comes with the next fetch"


@pytest.mark.parametrize("offset", [10, 13, 15])
def test_a_damaged_batch_is_named_with_offsets_size_and_digest(offset):
    found = first_unreadable(GOOD * (offset < 15) + BAD + BEHIND, offset, 22)
    assert (found.first, found.last) == (15, 18)
    assert (found.size, found.sha256) == (len(BAD), hashlib.sha256(BAD).hexdigest())
    assert "checksum is wrong" in found.why
    assert found.accountable


def test_within_a_batch_only_what_was_not_read_is_named():
    assert (first_unreadable(BAD, 17, 22).first, first_unreadable(BAD, 17, 22).last) == (17, 18)


def test_what_was_read_of_a_batch_before_the_fault_is_left_out(monkeypatch):
    monkeypatch.setattr(unreadable, "MemoryRecords", Faulty)
    found = first_unreadable(batch(15, 4) + BEHIND, 15, 22)
    assert (found.first, found.last) == (17, 18)


class Faulty:
    """The client's classes, whose batch at 15 breaks off at its third record."""

    def __init__(self, raw):
        from kafka.record import MemoryRecords

        self.batch = MemoryRecords(raw).next_batch()
        self.next_offset = self.batch.next_offset
        self.validate_crc = self.batch.validate_crc

    def next_batch(self):
        return self

    def __iter__(self):
        for record in self.batch:
            if record.offset == 17:
                raise RuntimeError("a codec's own error")
            yield record


def header_says(raw, delta):
    raw = bytearray(raw)
    struct.pack_into(">i", raw, LAST_OFFSET_DELTA, delta)
    return bytes(raw)


@pytest.mark.parametrize("delta", [-5, 40, 2**31 - 1])
def test_a_header_that_cannot_be_is_not_believed(delta):
    lying = header_says(batch(15, 4), delta)
    assert first_unreadable(lying + BEHIND, 15, 22).last == 18, "the batch behind it says where it ends"
    alone = first_unreadable(lying, 15, 22)
    assert alone.last is None
    assert not alone.accountable


def test_what_is_too_long_to_be_true_waits_for_a_person():
    found = first_unreadable(header_says(batch(15, 4), UNREADABLE_OFFSETS_MAX), 15, 10**9)
    assert found.last == 15 + UNREADABLE_OFFSETS_MAX
    assert not found.accountable


def test_a_codec_that_is_not_here_is_this_hosts_fault(monkeypatch):
    raw = batch(15, 4, GZIP)
    monkeypatch.setattr("kafka.codec.has_gzip", lambda: False)
    found = first_unreadable(raw, 15, 22)
    assert "gzip" in found.why
    assert found.curable
    assert not found.accountable, "its pictures are good"


def test_no_memory_is_no_fault_of_the_batch(monkeypatch):
    def none_left(*_):
        raise MemoryError

    monkeypatch.setattr("kafka.record.default_records.DefaultRecordBatch.validate_crc", none_left)
    with pytest.raises(MemoryError):
        first_unreadable(GOOD, 10, 22)


def test_each_offset_has_a_record_that_says_what_could_be_fetched():
    found = stand_ins(Partition("images", 3), Unreadable(15, 18, "why", 99, "ab"), 16, 19)
    assert [(one.topic, one.partition, one.offset, one.value, one.unreadable) for one in found] == [
        ("images", 3, offset, None, "why") for offset in (16, 17, 18)
    ]
    assert dict(found[0].headers) == {
        "tidemill.batch_first_offset": b"15",
        "tidemill.batch_last_offset": b"18",
        "tidemill.batch_bytes": b"99",
        "tidemill.batch_sha256": b"ab",
    }
