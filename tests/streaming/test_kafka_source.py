"""What becomes of a consumer whose answers have holes, or whose poll raises."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from kafka import TopicPartition, errors

from streaming.kafka_fetch import Fetched
from streaming.kafka_options import KafkaOptions, KafkaRefusedError, KafkaUnavailableError
from streaming.kafka_source import KafkaSource, SourceOptions
from streaming.source import Bounds, Partition, Unreadable
from tests.streaming.test_unreadable import batch, damaged


class HoledConsumer:
    """As kafka-python's, where the leader does not know a partition yet: a KeyError for whoever asks for it too."""

    unknown = TopicPartition("images", 4)

    def beginning_offsets(self, places, timeout_ms):
        return self._all(places, 3)

    def end_offsets(self, places, timeout_ms):
        return self._all(places, 9)

    def _all(self, places, offset):
        if self.unknown in places:
            raise KeyError(self.unknown)
        return dict.fromkeys(places, offset)


@pytest.fixture
def source():
    one = KafkaSource(KafkaOptions("127.0.0.1:9"), SourceOptions("group", ("images",)))
    one._consumer = HoledConsumer()
    one._admin = SimpleNamespace(
        led=lambda _topics: {("images", number) for number in range(6)},
        log_ends=lambda places: dict.fromkeys(places, 9),
    )
    return one


def test_a_partition_that_its_leader_does_not_know_yet_is_left_out_and_the_others_are_not(source):
    asked = [Partition("images", number) for number in (0, 4, 5)]
    bounds = source.bounds(asked)
    assert bounds == {Partition("images", 0): Bounds(3, 9, 9), Partition("images", 5): Bounds(3, 9, 9)}


IMAGES = Partition("images", 0)
PLACE = TopicPartition("images", 0)


class OnceBroken:
    """As kafka-python's consumer: once its poll has raised, whatever else is asked of it would never return."""

    made = 0

    def __init__(self, error=None):
        self.error = error
        self.broken = self.closed = False
        self.sought = {}
        self._fetcher = SimpleNamespace(
            _next_partition_records=None, _paused_partition_records={}, _paused_completed_fetches={}
        )
        type(self).made += 1

    def assignment(self):
        return {PLACE}

    def paused(self):
        return set()

    def poll(self, timeout_ms):
        assert not self.broken, "polled again after its poll had raised: this never returns"
        assert not self.closed
        if self.error is not None:
            self.broken = True
            raise self.error
        return {}

    def pause(self, *_places):
        assert not self.broken, "paused after its poll had raised"

    resume = pause

    def seek(self, place, offset):
        assert not self.broken
        self.sought[place] = offset

    def beginning_offsets(self, places, timeout_ms):
        return dict.fromkeys(places, 0)

    def close(self, autocommit, timeout_ms):
        self.closed = True


class Fetch:
    """One fetch outside of the consumer: its answers, in turn."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def fetch(self, partition, offset):
        self.asked.append((partition, offset))
        return self.answers.pop(0)


@pytest.fixture
def broken(monkeypatch):
    """`broken(error, *fetches)`: a source whose consumer's poll raises, and which may make one that is well."""

    def make(error, *fetches):
        one = KafkaSource(KafkaOptions("127.0.0.1:9"), SourceOptions("group", ("images",)))
        monkeypatch.setattr(one, "_new_consumer", OnceBroken)
        one._admin = SimpleNamespace(led=lambda _topics: {("images", 0)})
        one._fetch = Fetch(*fetches)
        one._consumer = OnceBroken(error)
        one.start(IMAGES, 5)
        return one

    return make


def fetched(records=b"", end=22, **rest):
    return Fetched(records, end, **rest)


RAISED = [
    errors.CorruptRecordError("failed crc check"),
    errors.UnsupportedCodecError("Libraries for lz4 compression codec not found"),
    errors.UnknownError("Unexpected error while fetching data"),
    errors.KafkaTimeoutError("no answer"),
    errors.OffsetOutOfRangeError({PLACE: 5}),
    errors.NoOffsetForPartitionError({PLACE}),
    errors.LogTruncationError({PLACE: None}),
    errors.TopicAuthorizationFailedError({"images"}),
    RuntimeError("a codec's own error"),
    ValueError("not a picture of a batch"),
    OSError("not gzipped"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_poll_raised_that_consumer_is_never_asked_again(broken, error):
    source = broken(error, fetched(), fetched())
    first = source._consumer
    try:
        told = source.poll(0.1)
    except (KafkaUnavailableError, KafkaRefusedError, RuntimeError, ValueError):
        with pytest.raises(KafkaUnavailableError, match="not connected"):
            source.poll(0.1)
        told = None
    assert first.closed
    with pytest.raises(KafkaUnavailableError, match="not connected"):
        source.pause([IMAGES])
    source.connect()
    after = source.poll(0.1)
    assert source._consumer is not first
    assert IMAGES in (told or after).revoked, "whoever has it open learns that it is to be opened anew"


def test_an_error_that_nothing_explains_is_raised_and_one_of_the_network_is_an_outage(broken):
    with pytest.raises(RuntimeError):
        broken(RuntimeError("?"), fetched()).poll(0.1)
    with pytest.raises(KafkaUnavailableError, match="sent damaged records"):
        broken(errors.CorruptRecordError("failed crc check"), fetched()).poll(0.1)


def test_a_truncation_is_told_of_what_was_revoked(broken):
    told = broken(errors.LogTruncationError({PLACE: None})).poll(0.1)
    assert (told.truncated, told.revoked) == ({IMAGES}, {IMAGES})


def test_the_batch_that_it_stumbled_over_is_found_and_its_records_are_stood_in_for(broken):
    raw = damaged(batch(5, 3))
    source = broken(errors.CorruptRecordError("failed crc check"), fetched(raw))
    told = source.poll(0.1)
    assert source._fetch.asked == [(IMAGES, 5)]
    found = told.unreadable[IMAGES]
    assert (found.first, found.last, found.sha256) == (5, 7, hashlib.sha256(raw).hexdigest())
    assert told.revoked == {IMAGES}
    source.connect()
    for _ in range(2):  # given out again where it was not taken in
        source.start(IMAGES, 6)
        assert source._consumer.sought == {PLACE: 8}
        told = source.poll(0.1)
        assert told.read_from == {IMAGES: 6}
        assert [(one.offset, one.unreadable) for one in told.records[IMAGES]] == [
            (offset, found.why) for offset in (6, 7)
        ]
    assert source.poll(0.1).records == {}
    source.start(IMAGES, 4)
    assert source._consumer.sought == {PLACE: 4}, "what lies before it is read"
    source.start(IMAGES, 8)
    assert source.poll(0.1).records == {}, "and what lies behind it"


def test_what_cannot_be_accounted_for_is_told_and_not_given_up(broken):
    source = broken(errors.UnknownError(), fetched(error="UnknownError"))
    assert not source.poll(0.1).unreadable[IMAGES].accountable
    source.connect()
    source.start(IMAGES, 5)
    assert source._consumer.sought == {PLACE: 5}
    assert source.poll(0.1).records == {}


def test_a_person_may_give_up_what_the_broker_cannot_read(broken):
    source = broken(errors.UnknownError(), fetched(error="UnknownError"))
    found = source.poll(0.1).unreadable[IMAGES]
    assert found == Unreadable(5, None, "the broker answers UnknownError")
    source.connect()
    source.give_up(IMAGES, replace(found, last=6))
    source.start(IMAGES, 5)
    assert [one.offset for one in source.poll(0.1).records[IMAGES]] == [5, 6]


def test_what_was_given_up_of_a_topic_means_nothing_for_another_of_its_name(broken):
    source = broken(errors.CorruptRecordError("failed crc check"), fetched(damaged(batch(5, 3))))
    source.poll(0.1)
    source.restart()
    source.start(IMAGES, 5)
    assert source._consumer.sought == {PLACE: 5}
