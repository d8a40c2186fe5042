"""Records to samples: alone and in batches."""

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from daemon.ingest.pictures import RecordPictures
from model.pictures import ImageDecoder
from streaming.decoder import BATCH_RECORDS_MAX, Decoded, Decoder
from streaming.records import Reason, Record, RejectedRecord
from tests.support.images import FORMS, encode, picture

DECODER = Decoder(RecordPictures(ImageDecoder(8, max_bytes=100_000, max_pixels=10_000)), frozenset({"cat", "dog"}))
PNG = encode(picture(), "PNG")


def record(offset: int, value: bytes = PNG, label: bytes | None = b"cat") -> Record:
    return Record("images", 0, offset, 1000 + offset, None, value, (("label", label),))


def test_a_record_becomes_event_and_pixels() -> None:
    decoded = DECODER.decode(record(5))
    assert (decoded.event.label, decoded.event.sample_id, decoded.event.time_ms) == ("cat", "images/0/5", 1005)
    assert decoded.event.image == PNG
    assert len(decoded.pixels) == 8 * 8 * 3


REFUSED = {
    Reason.TOMBSTONE: Record("images", 0, 0, 0, b"key", None, (("label", b"cat"),)),
    Reason.UNREADABLE: replace(record(0), unreadable="the checksum is wrong"),
    Reason.EMPTY: record(0, b""),
    Reason.TOO_LARGE: record(0, bytes(100_001)),
    Reason.MISSING_LABEL: record(0, label=None),
    Reason.INVALID_LABEL: record(0, label=b"\xff"),
    Reason.UNKNOWN_LABEL: record(0, label=b"cow"),
    Reason.NOT_AN_IMAGE: record(0, b"hello"),
    Reason.UNSUPPORTED_FORMAT: record(0, encode(picture(), "GIF")),
    Reason.TOO_MANY_PIXELS: record(0, FORMS["large png"]()),
    Reason.UNDECODABLE: record(0, PNG[:-20]),
    Reason.MALFORMED_EVENT: Record(
        "images", 0, 0, 0, None, b"[]", (("content-type", b"application/cloudevents+json"),)
    ),
}


def test_every_reason_of_the_contract_is_given() -> None:
    assert set(REFUSED) == set(Reason)
    for reason, refused in REFUSED.items():
        with pytest.raises(RejectedRecord) as caught:
            DECODER.decode(refused)
        assert caught.value.reason is reason


def test_the_size_is_judged_before_the_label() -> None:
    with pytest.raises(RejectedRecord) as caught:
        DECODER.decode(record(0, bytes(100_001), b"cow"))
    assert caught.value.reason is Reason.TOO_LARGE


def test_the_label_is_judged_before_the_image() -> None:
    with pytest.raises(RejectedRecord) as caught:
        DECODER.decode(record(0, b"hello", b"cow"))
    assert caught.value.reason is Reason.UNKNOWN_LABEL


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
def test_a_batch_is_answered_in_order(count: int) -> None:
    records = [record(at, label=b"cow" if at % 3 == 1 else b"dog") for at in range(count)]
    with ThreadPoolExecutor(4) as executor:
        verdicts = DECODER.decode_batch(records, executor)
    assert len(verdicts) == count
    for at, verdict in enumerate(verdicts):
        if at % 3 == 1:
            assert isinstance(verdict, RejectedRecord)
            assert verdict.reason is Reason.UNKNOWN_LABEL
        else:
            assert isinstance(verdict, Decoded)
            assert verdict.event.sample_id == f"images/0/{at}"


def test_a_verdict_does_not_hold_on_to_the_image() -> None:
    with ThreadPoolExecutor(1) as executor:
        (verdict,) = DECODER.decode_batch([record(0, PNG[:-20])], executor)
    assert isinstance(verdict, RejectedRecord)
    assert str(verdict)
    assert (verdict.__traceback__, verdict.__cause__, verdict.__context__) == (None, None, None)


class CountingExecutor(Executor):
    """Runs at once, and counts what it was given."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, fn, /, *args, **kwargs):
        self.tasks += 1
        future: Future[object] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_records_are_handed_over_in_slices() -> None:
    executor = CountingExecutor()
    assert len(DECODER.decode_batch([record(at, b"hello") for at in range(80)], executor)) == 80
    assert executor.tasks == 10


def test_a_batch_is_bounded() -> None:
    executor = CountingExecutor()
    with pytest.raises(ValueError, match="at most"):
        DECODER.decode_batch([record(0)] * (BATCH_RECORDS_MAX + 1), executor)
    assert executor.tasks == 0


def test_a_fault_of_ours_stops_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: ImageDecoder, data: bytes) -> bytes:
        raise AssertionError("ours")

    monkeypatch.setattr(ImageDecoder, "decode", broken)
    with ThreadPoolExecutor(2) as executor, pytest.raises(AssertionError, match="ours"):
        DECODER.decode_batch([record(0)], executor)


def test_threads_share_a_decoder() -> None:
    """Every form decoded by many threads at once gives what it gives alone."""
    decoder = RecordPictures(ImageDecoder(16, max_bytes=1_000_000, max_pixels=1_000_000))
    forms = [make() for make in FORMS.values()]
    alone = [decoder.decode(data) for data in forms]
    barrier = threading.Barrier(4)

    def all_forms(shift: int) -> list[bytes]:
        barrier.wait(10)
        turned = [decoder.decode(data) for data in forms[shift:] + forms[:shift]]
        return turned[-shift:] + turned[:-shift] if shift else turned

    with ThreadPoolExecutor(4) as executor:
        assert all(together == alone for together in executor.map(all_forms, range(4)))


def test_what_each_record_took_is_told_slice_by_slice() -> None:
    told: list[Sequence[float]] = []
    decoder = Decoder(RecordPictures(ImageDecoder(8, 1_000_000, 1_000_000)), timed=told.append)
    with ThreadPoolExecutor(2) as executor:
        decoder.decode_batch([record(0)] * 20, executor)
    assert sum(map(len, told)) == 20
    assert all(0 < one < 60 for seconds in told for one in seconds)
