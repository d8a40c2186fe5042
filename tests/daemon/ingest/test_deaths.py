"""A record that takes the process down costs three lives at most, whoever reads its partition; no other is blamed."""

import json

import pytest

from daemon.ingest.deaths import DEATHS_MAX, OFFSETS_KEPT, _Note
from streaming.buffer import BufferFullError
from streaming.records import Marker, Reason
from tests.support.fake_kafka import FakeDecoder
from tests.support.ingestors import check_chain


class Died(BaseException):
    """Stands for the end of the process: nothing is done any more."""


@pytest.fixture
def deadly(monkeypatch):
    """Offsets that the process dies of, and what was decoded at once."""

    class Deadly:
        offsets, decoded = frozenset(), ()

    original = FakeDecoder.decode_batch

    def decode_batch(self, records, executor):
        Deadly.decoded.append([record.offset for record in records])
        if any(record.offset in Deadly.offsets for record in records):
            raise Died
        return original(self, records, executor)

    monkeypatch.setattr(FakeDecoder, "decode_batch", decode_batch)
    Deadly.decoded = []
    return Deadly


def lives(one, turns=8):
    """Live until all is taken in; return how often the process died."""
    for deaths in range(20):
        try:
            one.turn(turns, pass_s=6)
        except Died:
            one.begin()
        else:
            return deaths
    raise AssertionError("it dies for ever")


def test_the_third_death_at_an_offset_makes_a_dead_letter(rig, deadly):
    one = rig()
    one.kafka.send(60)
    deadly.offsets = {21}
    assert lives(one) == DEATHS_MAX
    entries = one.entries()
    assert check_chain(entries) == 60
    assert [entry.offset for entry in entries if isinstance(entry, Marker)] == [21]
    assert one.seen.reasons == {Reason.UNDECODABLE.value: 1}
    assert one.letters.sent == [(0, 21)]


def test_each_of_several_is_found_and_nothing_beside_them_is_lost(rig, deadly):
    one = rig(partitions=2)
    for partition in (0, 1):
        one.kafka.send(200, partition=partition)
    deadly.offsets = {3, 130}
    assert lives(one, turns=20) <= 4 * DEATHS_MAX
    for partition in (0, 1):
        entries = one.entries(one.log(partition))
        assert check_chain(entries) == 200
        assert [entry.offset for entry in entries if isinstance(entry, Marker)] == [3, 130]


def test_a_process_that_ends_in_order_leaves_nothing_behind(rig, deadly):
    one = rig()
    one.kafka.send(20)
    one.turn()
    assert one.buffer.in_hand(one.log()) != ("", "")
    one.ingestor._deaths.close()
    assert one.buffer.in_hand(one.log()) == ("", "")
    one.begin()
    deadly.decoded.clear()
    one.kafka.send(20)
    one.turn()
    assert max(map(len, deadly.decoded)) > 1


def test_a_life_that_died_elsewhere_costs_care_for_a_moment_and_no_record(rig, deadly):
    one = rig(records_in_hand=10)
    one.kafka.send(5)
    one.turn()
    for _ in range(5):  # killed in between, again and again: no record's fault
        one.begin()
        one.kafka.send(40)
        deadly.decoded.clear()
        one.turn(4)
        alone = [batch for batch in deadly.decoded if len(batch) == 1]
        assert 10 <= len(alone) < 20
    assert one.seen.reasons == {}
    assert one.offsets() == list(range(205))


def test_deaths_between_decoding_and_append_blame_no_record(rig, deadly):
    one = rig()
    one.kafka.send(12)
    one.turn(2)
    append = one.buffer.append

    def die(*_):
        raise Died

    for _ in range(6):
        one.begin()
        one.kafka.send(1)
        one.buffer.append = die
        with pytest.raises(Died):
            one.turn(4)
    one.buffer.append = append
    one.begin()
    one.turn()
    assert one.offsets() == list(range(18))
    assert one.seen.reasons == {}


def test_nothing_is_decoded_beside_a_partition_under_suspicion(rig, deadly):
    one = rig(partitions=2, records_in_hand=30)
    one.kafka.send(4, partition=0)
    one.turn()
    one.begin()
    for partition in (0, 1):
        one.kafka.send(30, partition=partition)
    one.turn()
    assert one.offsets(one.log(1)) == list(range(30))
    assert one.offsets() == list(range(34))


def test_a_full_redis_at_the_note_stops_before_the_record_is_tried(rig, deadly, monkeypatch):
    one = rig()
    one.kafka.send(5)
    one.turn()
    one.begin()
    one.kafka.send(5)
    one.turn(1)

    def full(*_):
        raise BufferFullError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(one.buffer, "take_in_hand", full)
        deadly.decoded.clear()
        one.turn(2)
        assert deadly.decoded == []
    one.turn(6, pass_s=6)
    assert one.offsets() == list(range(10))


def test_notes_stay_short():
    note = _Note(at=1)
    for offset in range(50):
        note.at = offset
        note = _Note.after_death(note.dump(), 10)
    assert len(note.deaths) == OFFSETS_KEPT
    assert json.loads(note.dump())["at"] is None
